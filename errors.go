package itwin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// inputError is a mistake of the caller: its text says what to type next.
type inputError string

func (e inputError) Error() string { return string(e) }

func errInput(format string, args ...any) error {
	return inputError(fmt.Sprintf(format, args...))
}

func errField(name, rule string) error { return errInput("%s %s", name, rule) }

func isInput(err error) bool {
	_, is := errors.AsType[inputError](err)
	return is
}

// busyError says that an app's two checks are both taken.
type busyError struct {
	app   string
	limit time.Duration // of each
}

func (e *busyError) Error() string {
	return fmt.Sprintf("two checks of %s are running already, each for at most %s: try again when one has ended",
		describeApp(e.app), short(e.limit))
}

// answer is the one place where an error becomes Vault's answer. An
// ErrorResponse is a 400 whose text the audit log hashes; a CodedError must stay
// unwrapped, or Vault answers 500.
func answer(err error) (*logical.Response, error) {
	var (
		input    inputError
		busy     *busyError
		minLife  *tokens.MinLifeError
		exchange *ims.Error
		keys     *ims.KeysError
	)
	switch {
	case errors.Is(err, logical.ErrReadOnly):
		return nil, logical.ErrReadOnly
	case errors.As(err, &input):
		return logical.ErrorResponse("%s", input), nil
	case isUnusable(err), errors.Is(err, errDamagedRole):
		return logical.ErrorResponse("%s", err), nil
	case errors.As(err, &busy):
		return nil, logical.CodedError(http.StatusTooManyRequests, busy.Error())
	case errors.As(err, &minLife):
		return logical.ErrorResponse("%s", minLifeText(minLife)), nil
	case errors.As(err, &exchange):
		return answerIMS(exchange, err)
	case errors.As(err, &keys):
		return answerKeys(keys)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, logical.CodedError(http.StatusGatewayTimeout, "the request ended before there was an answer; try again")
	case errors.Is(err, tokens.ErrSuperseded):
		return nil, logical.CodedError(http.StatusBadGateway, "the app's credentials are being replaced; try again")
	case errors.Is(err, tokens.ErrLateArrival):
		return nil, logical.CodedError(http.StatusBadGateway, tokens.ErrLateArrival.Error()+waitText(err))
	}
	return nil, err
}

func answerIMS(e *ims.Error, whole error) (*logical.Response, error) {
	text := withHint(e.Error()+waitText(whole), e)
	if unverified, ok := errors.AsType[*unverifiedError](whole); ok {
		text += unverified.outcome()
	}
	if e.Kind == ims.Refused {
		return logical.ErrorResponse("%s", text), nil
	}
	return nil, logical.CodedError(httpStatus(e.Kind), text)
}

func answerKeys(e *ims.KeysError) (*logical.Response, error) {
	text := fmt.Sprintf("%v; no token can be judged until they are fetched again, at %s or later", e, timestampOfDue(e.Next))
	return nil, logical.CodedError(httpStatus(e.Cause.Kind), withHint(text, e.Cause))
}

// httpStatus is for all kinds but refusals, which are a mistake of this side.
func httpStatus(kind ims.Kind) int {
	switch kind {
	case ims.RateLimited:
		return http.StatusTooManyRequests
	case ims.TimedOut:
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

// withHint ends in what to do, without the last full stop: more may follow.
func withHint(text string, e *ims.Error) string {
	return text + ". " + strings.TrimSuffix(imsHint(e), ".")
}

// waitText says when minting is tried again, for readers who were turned away.
func waitText(err error) string {
	var f *tokens.Failure
	if !errors.As(err, &f) {
		return ""
	}
	return fmt.Sprintf("; failing since %s, next attempt at %s", timestamp(f.Since), timestampOfDue(f.NextAttempt))
}

func minLifeText(e *tokens.MinLifeError) string {
	return fmt.Sprintf("%s=%s can't be met: IMS gives tokens of %s, of which at most %s (90 %%) can be asked for; ask for less",
		keyMinTTL, short(e.Asked), short(e.Lifetime), short(e.Max))
}

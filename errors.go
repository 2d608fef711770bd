package itwin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// inputError is a mistake of the caller. Its text says what to type next.
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

func describeApp(name string) string {
	if name == "" {
		return "the default app"
	}
	return fmt.Sprintf("app %q", name)
}

func errNoApp(mount, name string) error {
	return errInput("%s isn't configured: run `vault write %s%s client_id=… client_secret=…` with the credentials of a service app",
		describeApp(name), mount, configKey(name))
}

// busyError says that all of an app's checks are taken.
type busyError struct{ app string }

func (e busyError) Error() string {
	return fmt.Sprintf("%d checks or config writes of %s are running already: try again when one of them has finished",
		maxChecks, describeApp(e.app))
}

// unverifiedError says why a config couldn't be verified with IMS, so that nothing
// was stored.
type unverifiedError struct {
	err         error
	hadConfig   bool // the config as it was stays in force
	spaceAround bool // the secret begins or ends with a space
}

func (e *unverifiedError) Error() string { return fmt.Sprintf("verifying: %v", e.err) }

func (e *unverifiedError) Unwrap() error { return e.err }

// answer is the one place where an error becomes Vault's answer. An ErrorResponse
// is a 400 whose text the audit log hashes. A CodedError has to stay unwrapped, or
// Vault answers 500.
func answer(err error) (*logical.Response, error) {
	if errors.Is(err, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	status, text := explain(err)
	if unverified, ok := errors.AsType[*unverifiedError](err); ok && status != http.StatusInternalServerError {
		text += "; " + unverified.outcome(status)
	}
	switch status {
	case http.StatusBadRequest:
		return logical.ErrorResponse("%s", text), nil
	case http.StatusInternalServerError:
		return nil, err
	default:
		return nil, logical.CodedError(status, text)
	}
}

// explain returns the status and text of an answer. What it doesn't know is Vault's
// to report, as a 500.
func explain(err error) (status int, text string) {
	var (
		input    inputError
		busy     busyError
		minLife  *tokens.MinLifeError
		exchange *ims.Error
		keys     *ims.KeysError
	)
	switch {
	case errors.As(err, &input):
		return http.StatusBadRequest, input.Error()
	case isUnusable(err), errors.Is(err, errDamagedRole):
		return http.StatusBadRequest, err.Error()
	case errors.As(err, &busy):
		return http.StatusTooManyRequests, busy.Error()
	case errors.As(err, &minLife):
		return http.StatusBadRequest, minLifeText(minLife)
	case errors.As(err, &exchange):
		return httpStatus(exchange.Kind), withHint(exchange.Error()+waitText(err), exchange)
	case errors.As(err, &keys):
		text := fmt.Sprintf("%v; without them no token can be verified; next attempt at %s", keys, timestampOfDue(keys.Next))
		return httpStatus(keys.Cause.Kind), withHint(text, keys.Cause)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the request ended before there was an answer; try again"
	case errors.Is(err, tokens.ErrSuperseded):
		return http.StatusBadGateway, "the app's credentials are being replaced; try again"
	case errors.Is(err, tokens.ErrLateArrival):
		return http.StatusBadGateway, tokens.ErrLateArrival.Error() + waitText(err)
	}
	return http.StatusInternalServerError, ""
}

func httpStatus(kind ims.Kind) int {
	switch kind {
	case ims.Refused: // the credentials or scopes are wrong on this side
		return http.StatusBadRequest
	case ims.RateLimited:
		return http.StatusTooManyRequests
	case ims.TimedOut:
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

// withHint leaves out the last full stop: more may follow.
func withHint(text string, e *ims.Error) string {
	return text + ". " + strings.TrimSuffix(imsHint(e), ".")
}

// waitText says since when minting has failed and when it is tried again.
func waitText(err error) string {
	var f *tokens.Failure
	if !errors.As(err, &f) {
		return ""
	}
	return fmt.Sprintf("; failing since %s, next attempt at %s", timestamp(f.Since), timestampOfDue(f.NextAttempt))
}

func minLifeText(e *tokens.MinLifeError) string {
	return fmt.Sprintf("%s=%s is too long: IMS issues tokens for %s, and a read can ask for at most %s (90 %%) of that",
		keyMinTTL, short(e.Asked), short(e.Lifetime), short(e.Max))
}

// outcome says what a config write left behind that was answered with status.
func (e *unverifiedError) outcome(status int) string {
	text := "nothing was stored"
	if e.hadConfig {
		text += ", and the previous config stays in force"
	}
	if e.mayPass() {
		text += "; verify=false would store the config without verifying it"
	}
	if e.spaceAround && status == http.StatusBadRequest {
		text += "; " + spacesSent
	}
	return text
}

// mayPass reports whether the same config may be verified later: the fault can lie
// with IMS or the network alone.
func (e *unverifiedError) mayPass() bool {
	cause, ok := errors.AsType[*ims.Error](e.err)
	if !ok {
		return false
	}
	switch cause.Kind {
	case ims.RateLimited, ims.TimedOut:
		return true
	case ims.Unreachable:
		return cause.Stage != outbound.StageTLS && (cause.Status == 0 || cause.Status >= 500)
	default:
		return false
	}
}

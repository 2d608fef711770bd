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

// errEnded answers requests that were under way when the mount ended on this node.
var errEnded = errors.New("the mount is being unmounted, reloaded or sealed; try again")

// unsupportedError is a command that a path doesn't have.
type unsupportedError struct {
	command, path string
	possible      []string // commands
}

func (e *unsupportedError) Error() string {
	return fmt.Sprintf("`vault %s %s` isn't possible: run %s", strings.TrimSuffix(e.command, " -f"), e.path, strings.Join(e.possible, " or "))
}

// busyError says that as many checks or config writes of an app ask IMS as may.
type busyError struct {
	what  string // checks or config writes
	app   string
	limit time.Duration // of each
}

func (e *busyError) Error() string {
	return fmt.Sprintf("two %s for %s are already running, each for at most %s: try again when one has finished",
		e.what, describeApp(e.app), short(e.limit))
}

// unverifiedError says why a config couldn't be verified with IMS, so that nothing
// was stored.
type unverifiedError struct {
	err      error
	refused  *config
	replaces bool // an existing config, which stays in force
}

func (e *unverifiedError) Error() string { return fmt.Sprintf("verifying the config: %v", e.err) }

func (e *unverifiedError) Unwrap() error { return e.err }

// answer is the one place where an error becomes Vault's answer. An ErrorResponse
// is a 400 whose text the audit log hashes. A CodedError has to stay unwrapped, or
// Vault answers 500.
func answer(err error) (*logical.Response, error) {
	if errors.Is(err, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	status, text := explain(err)
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
		method   *unsupportedError
		busy     *busyError
		minLife  *tokens.MinLifeError
		tooMany  *tokens.TooManyRotationsError
		keys     *ims.KeysError
		exchange *ims.Error
	)
	switch {
	case errors.As(err, &input):
		return http.StatusBadRequest, input.Error()
	case isUnusable(err), errors.Is(err, errDamagedRole):
		return http.StatusBadRequest, err.Error()
	case errors.As(err, &method):
		return http.StatusMethodNotAllowed, method.Error()
	case errors.As(err, &busy):
		return http.StatusTooManyRequests, busy.Error()
	case errors.As(err, &minLife):
		return http.StatusBadRequest, minLifeText(minLife)
	case errors.As(err, &tooMany):
		return http.StatusTooManyRequests, fmt.Sprintf("too many rotations in a row: last_vault_rotation, in whole seconds, would run"+
			" ahead of the clock; try again at %s", timestampOfDue(tooMany.NextAttempt))
	case errors.As(err, &keys):
		text := fmt.Sprintf("%v; without them no token can be verified; next attempt at %s", keys, timestampOfDue(keys.Next))
		return httpStatus(keys.Cause.Kind), withHint(text, keys.Cause)
	case errors.As(err, &exchange):
		return httpStatus(exchange.Kind), explainExchange(exchange, err)
	case errors.Is(err, tokens.ErrNoSlot), errors.Is(err, tokens.ErrNoToken):
		return http.StatusGatewayTimeout, explainTimeout(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the request ended before there was an answer; try again"
	case errors.Is(err, errEnded):
		return http.StatusServiceUnavailable, errEnded.Error()
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

// explainExchange adds what IMS said only for those who write a config: others get
// its error code alone.
func explainExchange(e *ims.Error, whole error) string {
	unverified, ok := errors.AsType[*unverifiedError](whole)
	if !ok {
		return withHint(e.Error()+waitText(whole), e)
	}
	return withHint(e.Described(), e) + "; " + unverified.outcome(e)
}

func explainTimeout(err error) string {
	text := "no token could be minted and stored in time"
	if errors.Is(err, tokens.ErrNoSlot) {
		text = "too many token requests of this app are waiting for IMS, and none of them was answered in time"
	}
	return text + waitText(err) + ". Check itwin/status, and whether IMS and Vault's storage are slow"
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

// outcome says what became of the config, for the end of a sentence.
func (e *unverifiedError) outcome(cause *ims.Error) string {
	text := "nothing was stored"
	if e.replaces {
		text += ", and the previous config stays in force"
	}
	if warning := e.refused.secretWarning(); warning != "" && cause.Kind == ims.Refused {
		text += "; " + warning
	}
	if mayPass(cause) {
		text += "; verify=false would store the config without verifying it"
	}
	return text
}

// mayPass reports whether an exchange can succeed later with the same config: the
// fault can lie with IMS or the network alone.
func mayPass(e *ims.Error) bool {
	switch e.Kind {
	case ims.RateLimited, ims.TimedOut, ims.Unavailable:
		return true
	case ims.Unreachable:
		return e.Stage != outbound.StageTLS
	default:
		return false
	}
}

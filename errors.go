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

// inputError is a mistake by the caller. Its text says what to type next.
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

// errEnded is for requests that were running when the mount stopped on this node.
var errEnded = errors.New("the mount is being unmounted, reloaded or sealed; try again")

// unsupportedError reports a command that a path doesn't support.
type unsupportedError struct {
	command, path string
	supported     []string // commands
}

func (e *unsupportedError) Error() string {
	return fmt.Sprintf("`vault %s %s` isn't supported: run %s",
		strings.TrimSuffix(e.command, " -f"), e.path, strings.Join(e.supported, " or "))
}

// busyError reports that the maximum number of checks or config writes of an app are
// running.
type busyError struct {
	what  string // checks or config writes
	app   string
	limit time.Duration // of each
}

func (e *busyError) Error() string {
	return fmt.Sprintf("two %s for %s are already running (each takes at most %s): try again when one finishes",
		e.what, describeApp(e.app), short(e.limit))
}

// unverifiedError reports why a config couldn't be verified with IMS and wasn't stored.
type unverifiedError struct {
	err      error
	refused  *config
	replaces bool // an existing config, which remains in effect
}

func (e *unverifiedError) Error() string { return fmt.Sprintf("verifying the config: %v", e.err) }

func (e *unverifiedError) Unwrap() error { return e.err }

// answer turns any error into Vault's response; nothing else does. An ErrorResponse is
// a 400 whose text the audit log hashes. A CodedError must not be wrapped, or Vault
// returns a 500.
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

// explain returns the status and text of a response. An unknown error is a 500 without
// text, which Vault reports.
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
		return http.StatusTooManyRequests, fmt.Sprintf("too many rotations in a row: last_vault_rotation would run"+
			" ahead of the clock; try again at %s", timestampOfDue(tooMany.NextAttempt))
	case errors.As(err, &keys):
		text := fmt.Sprintf("%v; no token can be verified without them; next attempt at %s", keys, timestampOfDue(keys.Next))
		return httpStatus(keys.Cause.Kind), withHint(text, keys.Cause)
	case errors.As(err, &exchange):
		return httpStatus(exchange.Kind), explainExchange(exchange, err)
	case errors.Is(err, tokens.ErrNoSlot), errors.Is(err, tokens.ErrNoToken):
		return http.StatusGatewayTimeout, explainTimeout(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the request was canceled or timed out before it finished; try again"
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
	case ims.Refused: // the fault is in the credentials or scopes
		return http.StatusBadRequest
	case ims.RateLimited:
		return http.StatusTooManyRequests
	case ims.TimedOut:
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

// explainExchange includes IMS's description only in responses to config writes: token
// readers get just its error code.
func explainExchange(e *ims.Error, whole error) string {
	unverified, ok := errors.AsType[*unverifiedError](whole)
	if !ok {
		return withHint(e.Error()+waitText(whole), e)
	}
	return withHint(e.Described(), e) + "; " + unverified.outcome(e)
}

func explainTimeout(err error) string {
	text := "could not mint and store a token in time"
	if errors.Is(err, tokens.ErrNoSlot) {
		text = "too many token requests for this app are waiting for IMS, and none finished in time"
	}
	return text + waitText(err) + ". Read itwin/status, and check whether IMS or Vault's storage is slow"
}

// withHint omits the last full stop, because more text may follow.
func withHint(text string, e *ims.Error) string {
	return text + ". " + strings.TrimSuffix(imsHint(e), ".")
}

// waitText says how long minting has been failing and when it will be retried.
func waitText(err error) string {
	var f *tokens.Failure
	if !errors.As(err, &f) {
		return ""
	}
	return fmt.Sprintf("; failing since %s, next attempt at %s", timestamp(f.Since), timestampOfDue(f.NextAttempt))
}

func minLifeText(e *tokens.MinLifeError) string {
	return fmt.Sprintf("%s=%s is too long: IMS issues tokens for %s, and min_ttl can be at most %s (90 %% of that)",
		keyMinTTL, short(e.Asked), short(e.Lifetime), short(e.Max))
}

// outcome says what happened to the config, as the end of a sentence.
func (e *unverifiedError) outcome(cause *ims.Error) string {
	text := "nothing was stored"
	if e.replaces {
		text += ", and the previous config remains in effect"
	}
	if warning := e.refused.secretWarning(); warning != "" && cause.Kind == ims.Refused {
		text += "; " + warning
	}
	if isTransient(cause) {
		text += "; set verify=false to store the config without verifying it"
	}
	return text
}

// isTransient reports whether an exchange can succeed later with the same config,
// because the fault may lie with IMS or the network.
func isTransient(e *ims.Error) bool {
	switch e.Kind {
	case ims.RateLimited, ims.TimedOut, ims.Unavailable:
		return true
	case ims.Unreachable:
		return e.Stage != outbound.StageTLS
	default:
		return false
	}
}

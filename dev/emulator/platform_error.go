package emulator

import (
	"net/http"

	httphelper "github.com/zitadel/oidc/v3/pkg/http"
)

// platformError is an error in the Platform's documented shape, with the status it is sent with.
type platformError struct {
	status int

	Code    string                `json:"code"`
	Message string                `json:"message"`
	Details []platformErrorDetail `json:"details"`
}

type platformErrorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target"`
}

func errUnauthorized(code, message string) *platformError {
	return &platformError{status: http.StatusUnauthorized, Code: code, Message: message}
}

func errNotFound(message string) platformError {
	return platformError{status: http.StatusNotFound, Code: "ResourceNotFound", Message: message}
}

// platformFault gives a fault the code that the Platform documents for its status, unless it names its own.
func platformFault(f Fault) platformError {
	fault := platformError{status: f.Status, Code: f.Error, Message: f.Description}
	if fault.Message == "" {
		fault.Message = http.StatusText(f.Status)
	}
	if fault.Code != "" {
		return fault
	}
	switch f.Status {
	case http.StatusUnauthorized:
		fault.Code = "UnknownClient"
	case http.StatusForbidden:
		fault.Code = "InsufficientPermissions"
	case http.StatusNotFound:
		fault.Code = "ResourceNotFound"
	case http.StatusTooManyRequests:
		fault.Code = "RateLimitExceeded"
	default:
		fault.Code = "InternalServerError"
	}
	return fault
}

func writePlatformError(w http.ResponseWriter, err platformError) {
	if err.Details == nil {
		err.Details = []platformErrorDetail{}
	}
	httphelper.MarshalJSONWithStatus(w, map[string]platformError{"error": err}, err.status)
}

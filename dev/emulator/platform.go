package emulator

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
)

const (
	platformScope     = "itwin-platform"
	correlationHeader = "X-Correlation-Id"
	acceptV1          = "application/vnd.bentley.itwin-platform.v1+json"
	acceptV2          = "application/vnd.bentley.itwin-platform.v2+json"
	organizationName  = "Emulated Engineering"
)

// platform answers for api.bentley.com.
type platform struct {
	issuer   string
	now      func() time.Time
	registry *registry
	keys     *keyring
}

// platformHandler serves a caller whose token holds.
type platformHandler func(w http.ResponseWriter, r *http.Request, caller App)

func newPlatform(e *Emulator) http.Handler {
	p := &platform{issuer: e.URL(), now: e.now, registry: e.registry, keys: e.keys}
	mux := http.NewServeMux()
	mux.Handle("GET /users/me", p.authorized(acceptV1, p.me))
	mux.Handle("GET /accesscontrol/itwins/{id}/permissions", p.authorized(acceptV2, p.permissions))
	mux.Handle("GET /itwins", p.authorized("", p.iTwins)) // Bentley's own client names no version
	mux.Handle("GET /imodels", p.authorized(acceptV2, p.iModels))
	return mux
}

// user is the caller as users/me shows it. A service app has no phone or city; the fields are there all the same.
type user struct {
	ID               string `json:"id"`
	DisplayName      string `json:"displayName"`
	GivenName        string `json:"givenName"`
	Surname          string `json:"surname"`
	Email            string `json:"email"`
	AlternateEmail   string `json:"alternateEmail"`
	Phone            string `json:"phone"`
	OrganizationName string `json:"organizationName"`
	City             string `json:"city"`
	Country          string `json:"country"`
	Language         string `json:"language"`
	CreatedDateTime  string `json:"createdDateTime"`
}

func (p *platform) me(w http.ResponseWriter, _ *http.Request, caller App) {
	email := caller.Email()
	httphelper.MarshalJSON(w, map[string]user{"user": {
		ID:               stableID(email).String(),
		DisplayName:      email,
		GivenName:        caller.ClientID,
		Surname:          "Service",
		Email:            email,
		AlternateEmail:   email,
		OrganizationName: organizationName,
		Country:          "US",
		Language:         "en",
		CreatedDateTime:  "2026-01-01T00:00:00Z",
	}})
}

// permissions answers 404, not 403, to a caller who isn't a member: who may not see an iTwin can't know it exists.
func (p *platform) permissions(w http.ResponseWriter, r *http.Request, caller App) {
	permissions, member := caller.ITwins[r.PathValue("id")]
	if !member {
		writePlatformError(w, errNotFound("Requested iTwin is not available."))
		return
	}
	httphelper.MarshalJSON(w, map[string][]string{"permissions": append([]string{}, permissions...)})
}

// authorized lets a request through whose token, scope and version of the API (the Accept header) are right. An empty
// accept stands for any version.
func (p *platform) authorized(accept string, next platformHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, fault := p.authenticate(r)
		switch {
		case fault != nil:
			writePlatformError(w, *fault)
		case accept != "" && r.Header.Get("Accept") != accept:
			writePlatformError(w, errNotFound("Requested version of the API is not available."))
		default:
			next(w, r, caller)
		}
	})
}

// correlated hands back the caller's id for a request, or makes one: support asks for it, with every kind of answer.
func correlated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(correlationHeader)
		if id == "" {
			id = uuid.NewString()
		}
		w.Header().Set(correlationHeader, id)
		next.ServeHTTP(w, r)
	})
}

func (p *platform) authenticate(r *http.Request) (App, *platformError) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return App{}, errUnauthorized("HeaderNotFound",
			"Header Authorization was not found in the request. Access denied.")
	}
	claims, err := accepted(p.keys, p.issuer, p.now(), token)
	if err != nil {
		return App{}, errUnauthorized("InvalidToken", "Access token is "+err.Error()+".")
	}
	app, known := p.registry.find(claims.ClientID)
	switch {
	case !known:
		return App{}, errUnauthorized("UnknownClient", "Client was not registered.")
	case !slices.Contains(claims.Scope, platformScope):
		return App{}, errUnauthorized("MissingScope", "Access token lacks the scope "+platformScope+".")
	}
	return app, nil
}

package emulator

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

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

// platformHandler serves a caller whose token holds.
type platformHandler func(w http.ResponseWriter, r *http.Request, caller App)

// newPlatform answers for api.bentley.com.
func newPlatform(e *Emulator) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /users/me", e.authorized(acceptV1, me))
	mux.Handle("GET /accesscontrol/itwins/{id}/permissions", e.authorized(acceptV2, permissions))
	mux.Handle("GET /itwins", e.authorized("", listITwins)) // Bentley's own client names no version
	mux.Handle("GET /imodels", e.authorized(acceptV2, listIModels))
	return mux
}

// correlated hands back the caller's id for a request, or makes one: support asks for it, with every kind of answer.
func correlated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(correlationHeader, cmp.Or(r.Header.Get(correlationHeader), uuid.NewString()))
		next.ServeHTTP(w, r)
	})
}

// authorized lets a request through whose token, scope and version of the API (the Accept header) are right. An empty
// accept stands for any version.
func (e *Emulator) authorized(accept string, next platformHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		claims, err := e.key.accepted(e.URL(), token)
		app, known := e.app(claims.ClientID)
		switch {
		case !strings.EqualFold(scheme, "Bearer") || token == "":
			refuse(w, http.StatusUnauthorized, "HeaderNotFound",
				"Header Authorization was not found in the request. Access denied.")
		case err != nil:
			refuse(w, http.StatusUnauthorized, "InvalidToken",
				"Access token is malformed, not signed by this IMS, expired or of another issuer.")
		case !known:
			refuse(w, http.StatusUnauthorized, "UnknownClient", "Client was not registered.")
		case !slices.Contains(claims.Scope, platformScope):
			refuse(w, http.StatusUnauthorized, "MissingScope", "Access token lacks the scope "+platformScope+".")
		case accept != "" && r.Header.Get("Accept") != accept:
			refuse(w, http.StatusNotFound, "ResourceNotFound", "Requested version of the API is not available.")
		default:
			next(w, r, app)
		}
	})
}

// refuse answers with an error in the Platform's documented shape.
func refuse(w http.ResponseWriter, status int, code, message string) {
	httphelper.MarshalJSONWithStatus(w, map[string]any{
		"error": map[string]any{"code": code, "message": message, "details": []any{}},
	}, status)
}

// refuseITwin answers 404, not 403, to a caller who isn't a member: who may not see an iTwin can't know it exists.
func refuseITwin(w http.ResponseWriter) {
	refuse(w, http.StatusNotFound, "ResourceNotFound", "Requested iTwin is not available.")
}

func me(w http.ResponseWriter, _ *http.Request, caller App) {
	email := caller.email()
	httphelper.MarshalJSON(w, map[string]any{"user": map[string]string{
		"id":               stableID(email),
		"displayName":      email,
		"givenName":        caller.ClientID,
		"surname":          "Service",
		"email":            email,
		"organizationName": organizationName,
	}})
}

func permissions(w http.ResponseWriter, r *http.Request, caller App) {
	permissions, member := caller.ITwins[r.PathValue("id")]
	if !member {
		refuseITwin(w)
		return
	}
	httphelper.MarshalJSON(w, map[string][]string{"permissions": permissions})
}

func listITwins(w http.ResponseWriter, _ *http.Request, caller App) {
	list := make([]map[string]string, 0, len(caller.ITwins))
	for _, id := range slices.Sorted(maps.Keys(caller.ITwins)) {
		list = append(list, map[string]string{"id": id, "displayName": "iTwin " + id})
	}
	httphelper.MarshalJSON(w, map[string]any{"iTwins": list})
}

// listIModels lists those of an iTwin, each of which has one here.
func listIModels(w http.ResponseWriter, r *http.Request, caller App) {
	id := r.URL.Query().Get("iTwinId")
	if _, member := caller.ITwins[id]; !member {
		refuseITwin(w)
		return
	}
	httphelper.MarshalJSON(w, map[string]any{
		"iModels": []map[string]string{{"id": stableID("iModel of " + id), "displayName": "iModel of " + id}},
		"_links":  map[string]any{"next": nil},
	})
}

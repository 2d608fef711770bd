package emulator

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// ims is the authorization server. The library parses requests, decodes the client's credentials and writes errors;
// this type decides who is a client, which scopes it has, and what its token says.
type ims struct {
	op.UnimplementedServer

	issuer   string
	now      func() time.Time
	registry *registry
	keys     *keyring
	journal  *journal
}

func newIMS(e *Emulator) http.Handler {
	server := &ims{issuer: e.URL(), now: e.now, registry: e.registry, keys: e.keys, journal: e.journal}
	mux := http.NewServeMux()
	mux.Handle("/", op.RegisterServer(server, endpoints(), op.WithServerCORSOptions(nil)))
	mux.HandleFunc(userinfoPath, server.userinfo)
	return mux
}

// formOnly holds a token request to RFC 6749 section 3.2 (POST) and section 2.3.1 (no credentials in the URL), which
// the library leaves open.
func formOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			err := oidc.ErrInvalidRequest().WithDescription("the token endpoint takes POST")
			op.WriteError(w, r, op.NewStatusError(err, http.StatusMethodNotAllowed), nil)
		case r.URL.RawQuery != "":
			op.WriteError(w, r, oidc.ErrInvalidRequest().WithDescription("parameters belong in the body"), nil)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// Health answers as long as the listener does.
func (s *ims) Health(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(op.Status{Status: "ok"}), nil
}

// Ready is Health: the emulator depends on nothing else.
func (s *ims) Ready(ctx context.Context, r *op.Request[struct{}]) (*op.Response, error) {
	return s.Health(ctx, r)
}

// Keys publishes every signing key that hasn't been withdrawn.
func (s *ims) Keys(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(s.keys.published()), nil
}

// VerifyClient tells the library which app a request comes from.
func (s *ims) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	app, err := s.authenticate(r.Data)
	if err != nil {
		return nil, err
	}
	return &client{app: app, authMethod: authMethod(r.Header)}, nil
}

// authenticate gives the same answer to an unknown client and to a wrong secret, as IMS does.
func (s *ims) authenticate(c *op.ClientCredentials) (App, error) {
	app, known := s.registry.find(c.ClientID)
	if !app.secretMatches(c.ClientSecret) || !known {
		return App{}, errInvalidClient()
	}
	return app, nil
}

// ClientCredentialsExchange issues a token for the scopes asked for, or for all of the app's if none is.
func (s *ims) ClientCredentialsExchange(
	_ context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest],
) (*op.Response, error) {
	app, known := s.registry.find(r.Client.GetID())
	if !known {
		return nil, errInvalidClient()
	}
	scope, err := grantedScope(app, r.Data.Scope)
	if err != nil {
		return nil, err
	}
	return s.issue(app, scope, r.Client.AuthMethod())
}

func (s *ims) issue(app App, scope []string, method oidc.AuthMethod) (*op.Response, error) {
	lifetime := s.registry.tokenLifetime()
	claims := newClaims(app, scope, s.issuer, s.now(), lifetime)
	token, err := s.keys.sign(claims)
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	s.journal.record(claims.issued(token, string(method)))

	response := op.NewResponse(&oidc.AccessTokenResponse{
		AccessToken: token,
		TokenType:   oidc.BearerToken,
		ExpiresIn:   uint64(lifetime / time.Second),
	})
	response.Header.Set("Cache-Control", "no-store")
	return response, nil
}

// errInvalidClient has the status of RFC 6749 section 5.2; left alone, the library answers 400.
func errInvalidClient() error {
	err := oidc.ErrInvalidClient().WithDescription("Invalid client or client credentials.")
	return op.NewStatusError(err, http.StatusUnauthorized)
}

func grantedScope(app App, asked []string) ([]string, error) {
	asked = slices.DeleteFunc(slices.Clone(asked), func(scope string) bool { return scope == "" })
	if len(asked) == 0 {
		return app.Scopes, nil
	}
	for _, scope := range asked {
		if !slices.Contains(app.Scopes, scope) {
			return nil, oidc.ErrInvalidScope().WithDescription("The requested scope is not assigned to the client.")
		}
	}
	return asked, nil
}

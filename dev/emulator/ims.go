package emulator

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Paths of IMS below its authority.
const (
	tokenPath = "/connect/token"
	keysPath  = oidc.DiscoveryEndpoint + "/jwks"
)

// ims is the authorization server. The library parses requests, decodes the client's credentials and writes errors;
// this type decides who is a client, which scopes it has, and what its token says.
type ims struct {
	op.UnimplementedServer

	emulator *Emulator
}

func newIMS(e *Emulator) http.Handler {
	endpoints := op.Endpoints{Token: op.NewEndpoint(tokenPath), JwksURI: op.NewEndpoint(keysPath)}
	return op.RegisterServer(&ims{emulator: e}, endpoints, op.WithServerCORSOptions(nil))
}

// formOnly holds a token request to RFC 6749 section 3.2 (POST) and section 2.3.1 (no credentials in the URL), which
// the library leaves open.
func formOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.RawQuery != "" {
			op.WriteError(w, r, oidc.ErrInvalidRequest().WithDescription("POST the parameters in the body"), nil)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Discovery has the fields that OpenID Connect Discovery 1.0 section 3 requires, as Bentley's own client insists on them,
// though nobody is signed in here.
func (s *ims) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(&oidc.DiscoveryConfiguration{
		Issuer:                            s.emulator.URL(),
		AuthorizationEndpoint:             s.emulator.URL() + "/connect/authorize",
		TokenEndpoint:                     s.emulator.URL() + tokenPath,
		JwksURI:                           s.emulator.URL() + keysPath,
		ResponseTypesSupported:            []string{string(oidc.ResponseTypeCode)},
		SubjectTypesSupported:             []string{"public"},
		GrantTypesSupported:               []oidc.GrantType{oidc.GrantTypeClientCredentials},
		IDTokenSigningAlgValuesSupported:  []string{string(signatureAlgorithm)},
		TokenEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodPost, oidc.AuthMethodBasic},
	}), nil
}

// Keys publishes the signing key.
func (s *ims) Keys(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	return op.NewResponse(s.emulator.key.published()), nil
}

// client shows an authenticated app to the library. What it leaves to the embedded nil interface concerns apps that
// sign people in through a browser; the library never asks a client credentials grant for it.
type client struct {
	op.Client

	id         string
	authMethod oidc.AuthMethod
}

// GetID is the client id.
func (c *client) GetID() string { return c.id }

// AuthMethod is how this very request authenticated.
func (c *client) AuthMethod() oidc.AuthMethod { return c.authMethod }

// GrantTypes lets the library refuse every other grant with unauthorized_client.
func (c *client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

// VerifyClient gives the same answer to an unknown client and to a wrong secret, as IMS does.
func (s *ims) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	app, known := s.emulator.app(r.Data.ClientID)
	if !known || app.ClientSecret != r.Data.ClientSecret {
		err := oidc.ErrInvalidClient().WithDescription("Invalid client or client credentials.")
		// The status of RFC 6749 section 5.2; left alone, the library answers 400.
		return nil, op.NewStatusError(err, http.StatusUnauthorized)
	}
	authMethod := oidc.AuthMethodPost
	if r.Header.Get("Authorization") != "" { // the library has refused requests that use both methods
		authMethod = oidc.AuthMethodBasic
	}
	return &client{id: app.ClientID, authMethod: authMethod}, nil
}

// ClientCredentialsExchange issues a token for the scopes asked for, or for all of the app's if none is.
func (s *ims) ClientCredentialsExchange(
	_ context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest],
) (*op.Response, error) {
	app, _ := s.emulator.app(r.Client.GetID())
	scope := strings.Fields(r.Data.Scope.String())
	if len(scope) == 0 {
		scope = app.Scopes
	}
	for _, asked := range scope {
		if !slices.Contains(app.Scopes, asked) {
			return nil, oidc.ErrInvalidScope().WithDescription("The requested scope is not assigned to the client.")
		}
	}
	lifetime := s.emulator.tokenLifetime().Truncate(time.Second)
	claims := newClaims(app, scope, s.emulator.URL(), time.Now(), lifetime)
	token, err := s.emulator.key.sign(claims)
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	issued := claims.issued(token)
	issued.AuthMethod = string(r.Client.AuthMethod())
	s.emulator.record(issued)

	response := op.NewResponse(&oidc.AccessTokenResponse{
		AccessToken: token,
		TokenType:   oidc.BearerToken,
		ExpiresIn:   uint64(lifetime / time.Second),
	})
	response.Header.Set("Cache-Control", "no-store")
	return response, nil
}

package emulator

import (
	"context"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Paths of IMS below its authority. The authorization endpoint is there because OpenID Connect Discovery requires one
// to be named; it refuses everybody, as the emulator signs no people in.
const (
	authorizationPath = "/connect/authorize"
	tokenPath         = "/connect/token"
	introspectionPath = "/connect/introspect"
	revocationPath    = "/connect/revocation"
	userinfoPath      = "/connect/userinfo"
	keysPath          = oidc.DiscoveryEndpoint + "/jwks"
)

// endpoints are those that the library serves. It can't send the header of RFC 6750 section 3 that userinfo owes.
func endpoints() op.Endpoints {
	return op.Endpoints{
		Authorization: op.NewEndpoint(authorizationPath),
		Token:         op.NewEndpoint(tokenPath),
		Introspection: op.NewEndpoint(introspectionPath),
		Revocation:    op.NewEndpoint(revocationPath),
		JwksURI:       op.NewEndpoint(keysPath),
	}
}

// Discovery has every field that OpenID Connect Discovery 1.0 section 3 requires or recommends, but for the registration
// of clients: an app of IMS is registered by a person. What it says of signing people in is what a client looks for, not
// what the emulator can do.
func (s *ims) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	secrets := []oidc.AuthMethod{oidc.AuthMethodPost, oidc.AuthMethodBasic}
	return op.NewResponse(&oidc.DiscoveryConfiguration{
		Issuer:                                    s.issuer,
		AuthorizationEndpoint:                     s.issuer + authorizationPath,
		TokenEndpoint:                             s.issuer + tokenPath,
		IntrospectionEndpoint:                     s.issuer + introspectionPath,
		RevocationEndpoint:                        s.issuer + revocationPath,
		UserinfoEndpoint:                          s.issuer + userinfoPath,
		JwksURI:                                   s.issuer + keysPath,
		ScopesSupported:                           append([]string{oidc.ScopeOpenID}, s.registry.scopes()...),
		ResponseTypesSupported:                    []string{string(oidc.ResponseTypeCode)},
		ResponseModesSupported:                    []string{string(oidc.ResponseModeQuery)},
		GrantTypesSupported:                       []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeClientCredentials},
		SubjectTypesSupported:                     []string{"public"},
		IDTokenSigningAlgValuesSupported:          []string{string(signatureAlgorithm)},
		TokenEndpointAuthMethodsSupported:         secrets,
		IntrospectionEndpointAuthMethodsSupported: secrets,
		RevocationEndpointAuthMethodsSupported:    secrets,
		ClaimsSupported:                           claimNames(),
	}), nil
}

// VerifyAuthRequest refuses to sign a person in, and never redirects.
func (s *ims) VerifyAuthRequest(
	context.Context, *op.Request[oidc.AuthRequest],
) (*op.ClientRequest[oidc.AuthRequest], error) {
	return nil, oidc.ErrUnauthorizedClient().WithDescription("a service app signs no people in")
}

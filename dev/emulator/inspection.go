package emulator

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

var errForeignToken = errors.New("malformed, not signed by this IMS, expired or of another issuer")

// accepted returns the claims of a token that IMS signed and that hasn't expired.
func accepted(keys *keyring, issuer string, now time.Time, token string) (tokenClaims, error) {
	var registered jwt.Claims
	var claims tokenClaims
	if err := keys.verify(token, &registered, &claims); err != nil {
		return tokenClaims{}, errForeignToken
	}
	if err := registered.ValidateWithLeeway(jwt.Expected{Issuer: issuer, Time: now}, 0); err != nil {
		return tokenClaims{}, errForeignToken
	}
	return claims, nil
}

// introspection is an answer of RFC 7662 section 2.2. Which of a token's claims IMS repeats in it is unknown: here, all.
type introspection struct {
	Active bool   `json:"active"`
	Type   string `json:"token_type,omitempty"`
	*tokenClaims

	// Scope is a string separated by spaces here, whatever it is in the token.
	Scope string `json:"scope,omitempty"`
}

// Introspect answers for tokens of every app to each app that authenticates. Whether IMS limits that is unknown.
func (s *ims) Introspect(_ context.Context, r *op.Request[op.IntrospectionRequest]) (*op.Response, error) {
	if _, err := s.authenticate(r.Data.ClientCredentials); err != nil {
		return nil, err
	}
	claims, err := accepted(s.keys, s.issuer, s.now(), r.Data.Token)
	if err != nil {
		return op.NewResponse(introspection{}), nil //nolint:nilerr // RFC 7662: an inactive token is no error
	}
	return op.NewResponse(introspection{
		Active: true, Type: oidc.BearerToken, tokenClaims: &claims, Scope: strings.Join(claims.Scope, " "),
	}), nil
}

// Revocation answers as RFC 7009 section 2.2 asks, to any token. The token stays what it was: whether IMS can revoke a
// JWT is unknown.
func (s *ims) Revocation(context.Context, *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	return op.NewResponse(nil), nil
}

// userinfo refuses every token, in the words of RFC 6750 section 3.1: IMS doesn't serve those of service apps, as they
// lack the scope openid. Its exact answer is unknown.
func (s *ims) userinfo(w http.ResponseWriter, r *http.Request) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	challenge, code, status := "Bearer", "", http.StatusUnauthorized
	if token != "" {
		code = "invalid_token"
		if _, err := accepted(s.keys, s.issuer, s.now(), token); err == nil {
			code, status = "insufficient_scope", http.StatusForbidden
		}
		challenge += ` error="` + code + `", scope="` + oidc.ScopeOpenID + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	httphelper.MarshalJSONWithStatus(w, map[string]string{"error": code}, status)
}

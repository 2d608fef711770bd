package itwin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
)

// introspection is the result of introspecting a token.
type introspection struct {
	reason      string         // why it isn't active; empty if it is
	claims      map[string]any // nil unless the signature is valid
	expires     time.Time      // zero unless the signature is valid and it states an expiry
	apps, roles []string       // config paths and names, in the order of their listing
}

// introspectToken verifies a token with the keys of the app that it claims to be for,
// and finds the apps and roles that it belongs to.
func (b *backend) introspectToken(ctx context.Context, req *logical.Request, token secret.Text) (introspection, error) {
	apps, err := b.usableApps(ctx, req)
	if err != nil {
		return introspection{}, err
	}
	verifier := nearest(apps, readUnverified(token))
	claims, err := verifier.keys.Verify(ctx, token)
	if _, keyless := errors.AsType[*ims.KeysError](err); keyless || err != nil && ctx.Err() != nil {
		return introspection{}, err
	}
	if err != nil {
		return introspection{reason: err.Error()}, nil //nolint:nilerr // an invalid token is a result, not an error
	}
	found := introspection{
		reason:  inactiveReason(claims, verifier.config.Authority, b.now()),
		claims:  claims.All,
		expires: claims.Expires,
	}
	owners := ownersOf(apps, claims)
	for _, a := range owners {
		found.apps = append(found.apps, configKey(a.name))
	}
	found.roles, err = b.rolesOf(ctx, req, owners, claims)
	return found, err
}

func inactiveReason(claims ims.Claims, authority string, now time.Time) string {
	switch {
	case claims.Issuer != authority:
		return "its issuer isn't the authority in the app's config"
	case claims.Expires.IsZero():
		return "it has no expiry"
	case !claims.Expires.After(now):
		return "it has expired"
	}
	return ""
}

// unverifiedClaims are used only to select the keys that verify the token.
type unverifiedClaims struct {
	ClientID string `json:"client_id"`
	Issuer   string `json:"iss"`
}

func readUnverified(token secret.Text) unverifiedClaims {
	var claims unverifiedClaims
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return claims
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return unverifiedClaims{}
	}
	return claims
}

// nearest returns the app that the token claims to be for, or else one with the
// same issuer, or else the first.
func nearest(apps []*app, claims unverifiedClaims) *app {
	similarity := func(a *app) int {
		score := 0
		if a.config.Authority == claims.Issuer {
			score++
		}
		if a.config.ClientID == claims.ClientID {
			score += 2
		}
		return score
	}
	return slices.MaxFunc(apps, func(a, b *app) int { return similarity(a) - similarity(b) })
}

// usableApps returns all apps that can be used, the default app first, or an error if
// there are none.
func (b *backend) usableApps(ctx context.Context, req *logical.Request) ([]*app, error) {
	names, err := req.Storage.List(ctx, configPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing configs: %w", err)
	}
	var apps []*app
	missing := errNoApp(req.MountPoint, "")
	for _, name := range append([]string{""}, names...) {
		a, err := b.app(ctx, req, name)
		switch {
		case isUnusable(err):
			missing = err
		case isInput(err): // deleted in the meantime
		case err != nil:
			return nil, err
		default:
			apps = append(apps, a)
		}
	}
	if len(apps) == 0 {
		return nil, missing
	}
	return apps, nil
}

// ownersOf returns the apps with the client id and the issuer of a verified token.
func ownersOf(apps []*app, claims ims.Claims) []*app {
	var owners []*app
	for _, a := range apps {
		if a.config.ClientID == claims.All["client_id"] && a.config.Authority == claims.Issuer {
			owners = append(owners, a)
		}
	}
	return owners
}

// rolesOf returns the roles of these apps whose tokens have the claimed scopes.
func (b *backend) rolesOf(ctx context.Context, req *logical.Request, owners []*app, claims ims.Claims) ([]string, error) {
	names, err := req.Storage.List(ctx, rolePrefix)
	if err != nil {
		return nil, fmt.Errorf("listing roles: %w", err)
	}
	granted := claimedScopes(claims)
	var roles []string
	for _, name := range names {
		r, err := b.role(ctx, req, name)
		switch {
		case isInput(err), errors.Is(err, errDamagedRole): // deleted in the meantime, or damaged
			continue
		case err != nil:
			return nil, err
		}
		if slices.ContainsFunc(owners, func(a *app) bool { return a.name == r.App && a.scopesOf(r) == granted }) {
			roles = append(roles, name)
		}
	}
	return roles, nil
}

// claimedScopes reads the scope claim, which is an array in IMS's tokens and a string in
// RFC 8693 section 4.2.
func claimedScopes(claims ims.Claims) scopes.Set {
	var texts []string
	switch scope := claims.All["scope"].(type) {
	case string:
		texts = []string{scope}
	case []any:
		for _, part := range scope {
			if text, ok := part.(string); ok {
				texts = append(texts, text)
			}
		}
	}
	return scopes.Granted(texts...)
}

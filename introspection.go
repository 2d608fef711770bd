package itwin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/secret"
)

// inspect verifies a token by the keys of the app it claims to be for, or of the
// default app, and says whose it is.
func (b *backend) inspect(ctx context.Context, req *logical.Request, token secret.Text) (map[string]any, error) {
	candidates, err := b.appsToAsk(ctx, req, claimedClientID(token))
	if err != nil {
		return nil, err
	}
	keys, err := b.keys(candidates[0].config)
	if err != nil {
		return nil, err
	}
	found := map[string]any{keyActive: false, keyApps: []string{}, keyRoles: []string{}}
	claims, doubt := keys.Verify(ctx, token)
	switch {
	case errors.Is(doubt, ims.ErrKeys):
		return nil, doubt
	case doubt != nil:
		found[keyReason] = doubt.Error()
		return found, nil
	}
	found[keyClaims] = claims.All
	found[keyExpiresAt] = timestamp(claims.Expires)
	found[keyReason] = inactiveReason(claims, candidates[0].config.Authority, b.now())
	if found[keyReason] == "" {
		found[keyActive] = true
		delete(found, keyReason)
	}
	return found, b.addOwners(ctx, req, found, candidates, claims)
}

func inactiveReason(claims ims.Claims, authority string, now time.Time) string {
	switch {
	case claims.Issuer != authority:
		return "its issuer isn't the authority of the app's config"
	case !claims.Expires.After(now):
		return "it has expired"
	}
	return ""
}

// claimedClientID is what an unverified token states. It selects whose keys the
// token is verified by, nothing else.
func claimedClientID(token secret.Text) string {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		ClientID string `json:"client_id"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.ClientID
}

// appsToAsk returns the apps with the client id, or else the default app.
func (b *backend) appsToAsk(ctx context.Context, req *logical.Request, clientID string) ([]*app, error) {
	names, err := req.Storage.List(ctx, configPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing configs: %w", err)
	}
	var all, matching []*app
	for _, name := range append([]string{""}, names...) {
		a, err := b.app(ctx, req, name)
		if _, absent := errors.AsType[inputError](err); absent {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
		if a.config.ClientID == clientID {
			matching = append(matching, a)
		}
	}
	switch {
	case len(matching) > 0:
		return matching, nil
	case len(all) > 0:
		return all[:1], nil
	}
	return nil, errNoApp(req.MountPoint, "")
}

// keys returns the keys of the config's authority, shared by all who trust it in
// the same way.
func (b *backend) keys(c *config) (*ims.Keys, error) {
	b.keysLock.Lock()
	defer b.keysLock.Unlock()
	id := strings.Join([]string{c.Authority, c.TLSMinVersion, c.CACert}, "\n")
	if b.keySets[id] != nil {
		return b.keySets[id], nil
	}
	keys, err := ims.NewKeys(ims.KeysOptions{
		Authority: c.Authority, RequestTimeout: c.RequestTimeout,
		CACert: c.CACert, TLSMinVersion: c.TLSMinVersion, Now: b.now,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing to fetch keys: %w", err)
	}
	b.keySets[id] = keys
	return keys, nil
}

// closeKeys closes what the keys were fetched over.
func (b *backend) closeKeys() {
	b.keysLock.Lock()
	defer b.keysLock.Unlock()
	for _, keys := range b.keySets {
		keys.Close()
	}
	clear(b.keySets)
}

// addOwners adds the apps and roles that a verified token is for.
func (b *backend) addOwners(ctx context.Context, req *logical.Request, found map[string]any, apps []*app, claims ims.Claims) error {
	owners := make(map[string]*app)
	paths := []string{}
	for _, a := range apps {
		if a.config.ClientID == claims.All["client_id"] && a.config.Authority == claims.Issuer {
			owners[a.name] = a
			paths = append(paths, configKey(a.name))
		}
	}
	found[keyApps] = paths
	names, err := req.Storage.List(ctx, rolePrefix)
	if err != nil {
		return fmt.Errorf("listing roles: %w", err)
	}
	scopes := scopeKey(claimedScopes(claims))
	roles := []string{}
	for _, name := range names {
		r, err := b.role(ctx, req, name)
		if err != nil {
			continue // a damaged role is nobody's
		}
		if a := owners[r.App]; a != nil && a.tokenScope(r) == scopes {
			roles = append(roles, name)
		}
	}
	found[keyRoles] = roles
	return nil
}

// claimedScopes reads the scope claim: IMS states an array, RFC 8693 a string.
func claimedScopes(claims ims.Claims) string {
	switch scope := claims.All["scope"].(type) {
	case string:
		return scope
	case []any:
		parts := make([]string, 0, len(scope))
		for _, part := range scope {
			parts = append(parts, asString(part))
		}
		return strings.Join(parts, " ")
	}
	return ""
}

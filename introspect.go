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

// inspect verifies a token by the keys of the app it claims to be for, and says
// whose it is.
func (b *backend) inspect(ctx context.Context, req *logical.Request, token secret.Text) (map[string]any, error) {
	apps, err := b.appsToAsk(ctx, req)
	if err != nil {
		return nil, err
	}
	judge := nearest(apps, readStated(token)).config
	keys, err := b.keys(judge)
	if err != nil {
		return nil, err
	}
	found := map[string]any{keyActive: false, keyApps: []string{}, keyRoles: []string{}}
	claims, doubt := keys.Verify(ctx, token)
	_, lacking := errors.AsType[*ims.KeysError](doubt)
	switch {
	case lacking, doubt != nil && ctx.Err() != nil:
		return nil, doubt
	case doubt != nil:
		found[keyReason] = doubt.Error()
		return found, nil //nolint:nilerr // that the token is bad is the answer
	}
	found[keyClaims] = claims.All
	if !claims.Expires.IsZero() {
		found[keyExpiresAt] = timestamp(claims.Expires)
	}
	if reason := inactiveReason(claims, judge.Authority, b.now()); reason != "" {
		found[keyReason] = reason
	} else {
		found[keyActive] = true
	}
	return found, b.addOwners(ctx, req, found, apps, claims)
}

func inactiveReason(claims ims.Claims, authority string, now time.Time) string {
	switch {
	case claims.Issuer != authority:
		return "its issuer isn't the authority of the app's config"
	case claims.Expires.IsZero():
		return "it states no expiry"
	case !claims.Expires.After(now):
		return "it has expired"
	}
	return ""
}

// stated is what an unverified token says of itself. It selects whose keys the
// token is verified by, nothing else.
type stated struct {
	ClientID string `json:"client_id"`
	Issuer   string `json:"iss"`
}

func readStated(token secret.Text) stated {
	var claims stated
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return claims
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return stated{}
	}
	return claims
}

// nearest is the app that the token claims to be for, or else one of the same
// issuer, or else the first.
func nearest(apps []*app, claims stated) *app {
	likeness := func(a *app) int {
		score := 0
		if a.config.Authority == claims.Issuer {
			score++
		}
		if a.config.ClientID == claims.ClientID {
			score += 2
		}
		return score
	}
	return slices.MaxFunc(apps, func(a, b *app) int { return likeness(a) - likeness(b) })
}

// appsToAsk returns all apps, the default app first; there is one at least. One
// whose config is damaged counts only where it is the last hope.
func (b *backend) appsToAsk(ctx context.Context, req *logical.Request) ([]*app, error) {
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
		case isInput(err): // deleted meanwhile
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

// keys returns the keys of the config's authority, shared by all who trust it in
// the same way.
func (b *backend) keys(c *config) (*ims.Keys, error) {
	b.keysLock.Lock()
	defer b.keysLock.Unlock()
	id := keysID(c)
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
	b.dropUnusedKeys()
	b.keySets[id] = keys
	return keys, nil
}

// keysID is the same for all configs that trust an authority in the same way.
func keysID(c *config) string {
	return strings.Join([]string{c.Authority, c.RequestTimeout.String(), c.TLSMinVersion, c.CACert}, "\n")
}

// dropUnusedKeys drops the keys of configs that are no more, so that writing one
// config after another doesn't fill the memory. keysLock is held.
func (b *backend) dropUnusedKeys() {
	used := make(map[string]bool)
	for _, a := range b.apps.All() {
		used[keysID(a.config)] = true
	}
	for id, keys := range b.keySets {
		if !used[id] {
			keys.Close()
			delete(b.keySets, id)
		}
	}
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
	granted := scopes.Granted(claimedScopes(claims)).String()
	roles := []string{}
	for _, name := range names {
		r, err := b.role(ctx, req, name)
		switch {
		case isInput(err), errors.Is(err, errDamagedRole): // deleted meanwhile, or nobody's
			continue
		case err != nil:
			return err
		}
		if a := owners[r.App]; a != nil && a.tokenScope(r) == granted {
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
			text, _ := part.(string)
			parts = append(parts, text)
		}
		return strings.Join(parts, " ")
	}
	return ""
}

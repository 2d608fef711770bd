package itwin

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
)

// roleFormat is the format of stored roles.
const roleFormat = 1

var errDamagedRole = errors.New("the stored role is damaged or was written by a newer version of this plugin: write the role again")

// role is what tokens of a name are minted for.
type role struct {
	Format int    `json:"format"`
	App    string `json:"app"`
	Scopes string `json:"scopes"` // empty: the app's

	scopeKey string
	reads    *atomic.Int64 // counts across writes of the role
}

// countRead counts a token handed out. The default app's own has no role.
func (r *role) countRead() {
	if r.reads != nil {
		r.reads.Add(1)
	}
}

// role returns the role, read from storage where it isn't in memory. No name means
// what the path token stands for.
func (b *backend) role(ctx context.Context, req *logical.Request, name string) (*role, error) {
	if name == "" {
		return &role{}, nil
	}
	read := func(ctx context.Context) (*role, error) {
		r, err := loadRole(ctx, req.Storage, name)
		if err == nil && r == nil {
			err = errInput("role %q doesn't exist: run `vault write %s%s%s`, or `vault list %srole` to see the roles there are",
				name, req.MountPoint, rolePrefix, name, req.MountPoint)
		}
		if err != nil {
			return nil, err
		}
		r.reads = b.tallies.role(name)
		return r, nil
	}
	return b.roles.Get(ctx, name, read, func(*role) {})
}

func roleName(d *framework.FieldData) string {
	return d.Get(keyName).(string) //nolint:forcetypeassert // its schema is a string
}

func roleKey(d *framework.FieldData) string { return rolePrefix + roleName(d) }

// loadRole returns nil where there is no such role.
func loadRole(ctx context.Context, s logical.Storage, name string) (*role, error) {
	entry, err := s.Get(ctx, rolePrefix+name)
	if err != nil {
		return nil, fmt.Errorf("reading role: %w", err)
	}
	if entry == nil {
		return nil, nil // absence isn't an error in Vault's storage
	}
	r := &role{}
	if err := entry.DecodeJSON(r); err != nil || r.Format != roleFormat || !r.obeysRules() {
		return nil, errDamagedRole
	}
	r.scopeKey = scopeKey(r.Scopes)
	return r, nil
}

// obeysRules says whether both fields hold what a write could have put there.
func (r *role) obeysRules() bool {
	if r.Scopes != "" {
		if _, err := ims.ParseScopes(r.Scopes); err != nil {
			return false
		}
	}
	return r.App == "" || isName(r.App)
}

// isName says whether a path could hold the name.
func isName(name string) bool {
	return regexp.MustCompile("^" + framework.GenericNameRegex(keyName) + "$").MatchString(name)
}

// roleToChange returns an empty role where there is none, or where a full write
// replaces a damaged one.
func roleToChange(ctx context.Context, req *logical.Request, d *framework.FieldData) (*role, error) {
	name := roleName(d)
	r, err := loadRole(ctx, req.Storage, name)
	patch := req.Operation == logical.PatchOperation
	switch {
	case errors.Is(err, errDamagedRole) && !patch:
		return &role{}, nil
	case err != nil:
		return nil, err
	case r == nil && patch:
		return nil, errInput("role %q doesn't exist, so there is nothing to patch: run `vault write %s%s%s`",
			name, req.MountPoint, rolePrefix, name)
	case r == nil:
		return &role{}, nil
	}
	return r, nil
}

func (r *role) change(d *framework.FieldData) error {
	r.Format = roleFormat
	if _, given := d.Raw[keyApp]; given {
		r.App = strings.TrimSpace(d.Get(keyApp).(string)) //nolint:forcetypeassert // its schema is a string
		if r.App != "" && !isName(r.App) {
			return errField(keyApp, "isn't the name of an app: names have letters, digits, dots, dashes and underscores;"+
				" list config/ to see the apps there are")
		}
	}
	if raw, given := d.Raw[keyScopes]; given {
		value := d.Get(keyScopes)
		if raw == nil || value == "" {
			r.Scopes = ""
			return nil
		}
		return parsed(keyScopes, value, ims.ParseScopes, &r.Scopes)
	}
	return nil
}

package itwin

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/scopes"
)

const (
	// roleFormat is the format of stored roles.
	roleFormat = 1

	// maxAllowedRoles is the maximum number of names in allowed_roles.
	maxAllowedRoles = 1024
)

var errDamagedRole = errors.New("the stored role is damaged or was written by a newer version of this plugin: write the role again")

// role is the app and the scopes that its tokens are minted for.
type role struct {
	App    string
	Scopes scopes.Set // empty means the app's
	Shown  any        // the scopes as they were written, a string or a list of strings

	reads *atomic.Int64 // survives writes of the role
}

// storedRole is the form in which a role is stored.
type storedRole struct {
	Format int    `json:"format"`
	App    string `json:"app"`
	Scopes string `json:"scopes"`
	Shown  any    `json:"written,omitempty"` // unless it is the same as scopes
}

// countRead counts a token handed out. Without a role, nothing is counted here.
func (r *role) countRead() {
	if r.reads != nil {
		r.reads.Add(1)
	}
}

// role returns the role, read from storage if it isn't in memory. No name means the
// default app with its own scopes.
func (b *backend) role(ctx context.Context, req *logical.Request, name string) (*role, error) {
	if name == "" {
		return &role{}, nil
	}
	read := func(ctx context.Context) (*role, error) {
		r, err := loadRole(ctx, req.Storage, name)
		if err == nil && r == nil {
			err = errInput("role %q doesn't exist: run `vault write -f %s%s%s`, or `vault list %srole` to see the existing roles",
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

func roleKey(name string) string { return rolePrefix + name }

// loadRole returns nil if there is no such role.
func loadRole(ctx context.Context, s logical.Storage, name string) (*role, error) {
	entry, err := s.Get(ctx, roleKey(name))
	if err != nil {
		return nil, fmt.Errorf("reading role: %w", err)
	}
	if entry == nil {
		return nil, nil // absence isn't an error in Vault's storage
	}
	return decodeRole(entry)
}

// decodeRole accepts only what a write could have stored.
func decodeRole(entry *logical.StorageEntry) (*role, error) {
	var stored storedRole
	if err := entry.DecodeJSON(&stored); err != nil || stored.Format != roleFormat {
		return nil, errDamagedRole
	}
	r := &role{}
	if r.setApp(stored.App) != nil || r.setScopes(stored.Scopes) != nil {
		return nil, errDamagedRole
	}
	written := role{}
	if shown, err := ruleOf(keyScopes).Read(stored.Shown); err == nil && written.setScopes(shown) == nil && written.Scopes == r.Scopes {
		r.Shown = shown
	}
	return r, nil
}

func storeRole(ctx context.Context, s logical.Storage, name string, r *role) error {
	stored := storedRole{Format: roleFormat, App: r.App, Scopes: r.Scopes.String()}
	if r.Shown != stored.Scopes {
		stored.Shown = r.Shown
	}
	entry, err := logical.StorageEntryJSON(roleKey(name), stored)
	if err != nil {
		return fmt.Errorf("encoding role: %w", err)
	}
	if err := s.Put(ctx, entry); err != nil {
		return fmt.Errorf("writing role: %w", err)
	}
	return nil
}

// roleToChange returns an empty role if there is none, or if a full write replaces
// a damaged one.
func roleToChange(ctx context.Context, req *logical.Request, name string) (*role, error) {
	r, err := loadRole(ctx, req.Storage, name)
	patch := req.Operation == logical.PatchOperation
	switch {
	case errors.Is(err, errDamagedRole) && !patch:
		return &role{Shown: ""}, nil
	case err != nil:
		return nil, err
	case r == nil && patch:
		return nil, errInput("role %q doesn't exist, so there is nothing to patch: run `vault write -f %s%s%s`",
			name, req.MountPoint, rolePrefix, name)
	case r == nil:
		return &role{Shown: ""}, nil
	}
	return r, nil
}

// change applies the fields given, as checkFields left them.
func (r *role) change(given map[string]any) error {
	if value, ok := given[keyApp]; ok {
		name, _ := value.(string)
		if err := r.setApp(strings.Trim(name, " ")); err != nil {
			return errField(keyApp, err.Error()+"; run `vault list` on config/ to see the existing apps")
		}
	}
	if value, ok := given[keyScopes]; ok {
		if err := r.setScopes(value); err != nil {
			return errField(keyScopes, err.Error())
		}
	}
	return nil
}

func (r *role) setApp(name string) error {
	if name != "" {
		if err := checkAppName(name); err != nil {
			return err
		}
	}
	r.App = name
	return nil
}

// setScopes takes a string or a list of strings; an empty value means the app's scopes.
func (r *role) setScopes(value any) error {
	r.Scopes, r.Shown = scopes.Set{}, ""
	text := commaText(value)
	if text == "" {
		return nil
	}
	set, err := scopes.Parse(text)
	if err != nil {
		return err
	}
	r.Scopes, r.Shown = set, value
	return nil
}

// parseAllowedRoles parses names of roles, separated by commas. A * matches any
// characters.
func parseAllowedRoles(list string) ([]string, error) {
	var patterns []string
	for pattern := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if checkRoleName(strings.ReplaceAll(pattern, "*", "x")) != nil {
			return nil, errors.New("must be role names separated by commas; * matches any characters")
		}
		patterns = append(patterns, pattern)
	}
	switch {
	case len(patterns) == 0:
		return nil, errors.New("must name at least one role, or * for any")
	case len(patterns) > maxAllowedRoles:
		return nil, fmt.Errorf("must be at most %d names: use * for any characters", maxAllowedRoles)
	}
	return patterns, nil
}

// allowsRole reports whether a role may use the app. An empty name means a path without
// a role, which is always allowed.
func (c *config) allowsRole(name string) bool {
	if name == "" {
		return true
	}
	for _, pattern := range c.AllowedRoles {
		if pattern == anyRole {
			return true
		}
		if matched, err := path.Match(pattern, name); err == nil && matched {
			return true
		}
	}
	return false
}

// errRoleNotAllowed reports that an app's allowed_roles don't include a role.
func errRoleNotAllowed(mount, role, app string) error {
	return errInput("role %q may not use %s, whose %s don't include it: run `vault write %s%s %[3]s=…` with its name added,"+
		" or give the role another app", role, describeApp(app), keyAllowedRoles, mount, configKey(app))
}

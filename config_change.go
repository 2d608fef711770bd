package itwin

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// configToChange returns nil where there is nothing to build on. A config that
// can't be read is replaced by a write that gives the credentials anew.
func (b *backend) configToChange(ctx context.Context, req *logical.Request, d *framework.FieldData) (*config, error) {
	old, err := loadConfig(ctx, req.Storage, appName(d))
	_, idGiven := d.Raw[keyClientID]
	_, secretGiven := d.Raw[keyClientSecret]
	switch {
	case isUnusable(err) && idGiven && secretGiven && req.Operation != logical.PatchOperation:
		return nil, nil // as if there were none
	case err != nil:
		return nil, err
	case old == nil && req.Operation == logical.PatchOperation:
		return nil, errInput("%s isn't configured yet, so there is nothing to patch: run `vault write %s%s client_id=… client_secret=…`",
			describeApp(appName(d)), req.MountPoint, configKey(appName(d)))
	}
	return old, nil
}

// changedConfig applies the given fields to a copy of old.
func (b *backend) changedConfig(old *config, d *framework.FieldData) (*config, error) {
	defaults := defaultConfig()
	next := defaultConfig()
	if old != nil {
		copied := *old
		next = &copied
	}
	for _, f := range configFields() {
		raw, given := d.Raw[f.name]
		switch {
		case !given:
		case raw == nil:
			f.reset(next, defaults)
		default:
			if err := f.set(next, d.Get(f.name)); err != nil {
				return nil, err
			}
		}
	}
	next.normalize()
	if err := next.validate(); err != nil {
		return nil, err
	}
	if err := next.checkDestination(old, givesSecret(d)); err != nil {
		return nil, err
	}
	return next, b.stamp(next, old)
}

func givesSecret(d *framework.FieldData) bool { return d.Raw[keyClientSecret] != nil }

// stamp dates the secret and begins a new generation, where either changed.
func (b *backend) stamp(next, old *config) error {
	if old == nil || !next.ClientSecret.Equal(old.ClientSecret) {
		next.ClientSecretSetAt = b.now().UTC().Truncate(time.Second)
	}
	if next.sameIdentity(old) {
		return nil
	}
	generation, err := uuid.GenerateUUID()
	if err != nil {
		return fmt.Errorf("beginning a generation: %w", err)
	}
	next.Generation = generation
	return nil
}

// wantsProof reads verify; null is the default, as for every field.
func wantsProof(d *framework.FieldData) bool {
	raw, given := d.Raw[keyVerify]
	return !given || raw == nil || d.Get(keyVerify) == true
}

// verify makes the exchange that proves a config; its token is the first of the
// new generation. It runs in one of the slots for checks.
func (b *backend) verify(ctx context.Context, client *ims.Client, name string, c *config, wanted bool) (*tokens.Grant, error) {
	if !wanted {
		return nil, nil // nothing was wanted
	}
	done, ok := b.checks.TryAcquire(name)
	if !ok {
		return nil, busyError{app: name}
	}
	defer done()
	begun := time.Now()
	grant, err := client.Exchange(ctx, scopeKey(c.Scopes))
	if err != nil {
		return nil, err
	}
	b.metrics.exchanged(name, nil, time.Since(begun)) // only now: a label of an app that is refused would stay
	first := granted(grant)
	return &first, nil
}

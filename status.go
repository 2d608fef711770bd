package itwin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// engineStatus is the status of all apps and roles on this node.
type engineStatus struct {
	apps  map[string]appStatus  // by config path
	roles map[string]roleStatus // by name
}

type appStatus struct {
	tokenStatus
	clientID  string
	secretAge time.Duration
}

type roleStatus struct {
	tokenStatus
	config string // path of its app's config
}

// tokenStatus is the status of an app's token for one scope set.
type tokenStatus struct {
	tokens.Status
	lastFailure   error // nil: none
	lastFailureAt time.Time
	counts        *counts // nil: the app or role can't be used
}

// unusable returns the status of an app or role that can't be used.
func unusable(err error) tokenStatus {
	return tokenStatus{Status: tokens.Status{State: tokens.Failing}, lastFailure: err}
}

// worst returns the worst state of all apps and roles.
func (s engineStatus) worst() tokens.State {
	ranks := []tokens.State{tokens.Idle, tokens.Fresh, tokens.Renewing, tokens.Degraded, tokens.Failing}
	worst := 0
	for _, a := range s.apps {
		worst = max(worst, slices.Index(ranks, a.State))
	}
	for _, r := range s.roles {
		worst = max(worst, slices.Index(ranks, r.State))
	}
	return ranks[worst]
}

func (b *backend) status(ctx context.Context, req *logical.Request) (engineStatus, error) {
	apps, err := b.appStatuses(ctx, req)
	if err != nil {
		return engineStatus{}, err
	}
	roles, err := b.roleStatuses(ctx, req)
	return engineStatus{apps: apps, roles: roles}, err
}

func (b *backend) appStatuses(ctx context.Context, req *logical.Request) (map[string]appStatus, error) {
	names, err := req.Storage.List(ctx, configPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing configs: %w", err)
	}
	all := make(map[string]appStatus)
	for _, name := range append(names, "") {
		a, err := b.app(ctx, req, name)
		switch {
		case isInput(err): // not configured, or deleted in the meantime
			continue
		case err != nil:
			all[configKey(name)] = appStatus{tokenStatus: unusable(err)}
			continue
		}
		status := b.tokenStatus(a, a.config.Scopes)
		sum := b.tallies.total(name, scopes.Set{})
		status.counts = &sum
		all[configKey(name)] = appStatus{status, a.config.ClientID, b.now().Sub(a.config.ClientSecretSetAt)}
	}
	return all, nil
}

func (b *backend) roleStatuses(ctx context.Context, req *logical.Request) (map[string]roleStatus, error) {
	names, err := req.Storage.List(ctx, rolePrefix)
	if err != nil {
		return nil, fmt.Errorf("listing roles: %w", err)
	}
	all := make(map[string]roleStatus)
	for _, name := range names {
		a, r, err := b.resolve(ctx, req, name)
		if err != nil {
			all[name] = roleStatus{tokenStatus: unusable(err)}
			continue
		}
		set := a.scopesOf(r)
		status := b.tokenStatus(a, set)
		sum := b.tallies.total(a.name, set)
		sum.reads = r.reads.Load() // other counts are shared with roles that have the same scopes
		status.counts = &sum
		all[name] = roleStatus{status, configKey(a.name)}
	}
	return all, nil
}

func (b *backend) tokenStatus(a *app, set scopes.Set) tokenStatus {
	status := tokenStatus{Status: a.pool.Status(set)}
	if last, at := b.tallies.of(a.name)(set).LastFailure(); last != nil {
		status.lastFailure, status.lastFailureAt = last.Err, at
	}
	return status
}

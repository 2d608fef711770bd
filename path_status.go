package itwin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/tokens"
)

const statusPath = "status"

// The keys of a status.
const (
	keyVersion       = "version"
	keyUptime        = "uptime"
	keyWrites        = "writes"
	keyCountedSince  = "counted_since"
	keyState         = "state"
	keyMintedAt      = "minted_at"
	keyRotatesAt     = "rotates_at"
	keyReads         = "reads"
	keyDegradedReads = "degraded_reads"
	keyFailedReads   = "failed_reads"
	keyExchanges     = "exchanges"
	keyCoalesced     = "coalesced_reads"
	keyFailures      = "failures"
	keyLastFailure   = "last_failure"
	keyLastFailureAt = "last_failure_at"
	keyNextAttempt   = "next_attempt"
	keySecretAge     = "secret_age"
	keyConfig        = "config"
)

const statusSynopsis = `Show how every app and role fares on this node.`

const statusDescription = `
Shows, for each app and role, its state, what identifies its token, when that rotates and
expires, the last failure and the next attempt, and counts. No token and no secret is
shown.

    $ vault read -field=state itwin/status
    $ vault read -format=yaml itwin/status

state is the worst of all. The table that vault prints without -format shows it, but
packs apps and roles into one line each: read them as YAML or JSON.

The states: fresh (a token that isn't due), renewing (an exchange is under way, or is
tried again ahead of the rotation), degraded (the old token is handed out while IMS
fails), failing (readers get errors), idle (no token to hand out, and nobody asked of
late: the next reader gets one).

Counts begin with the plugin's process, at counted_since, and are this node's alone. Of a
role, reads are its own; the other counts are those of its token, which roles with the
same app and scopes share. uptime and secret_age are in seconds.

Next, when something fails: vault read itwin/check`

const (
	stateDescription = "The worst state of any app or role: idle, fresh, renewing, degraded or failing, from good to bad."

	appsDescription = "Each app by its config path: client_id, scope, state, secret_age; of its token, if there is one, token_id, minted_at," +
		" rotates_at and expires_at; of failures last_failure, last_failure_at and next_attempt; and the counts reads, degraded_reads," +
		" failed_reads, coalesced_reads, exchanges and failures (by kind)."

	rolesDescription = "Each role by its name: what an app has, but config, its app's path, for client_id and secret_age."
)

func (b *backend) pathsStatus() []*framework.Path {
	return []*framework.Path{{
		Pattern:         statusPath + "$",
		HelpSynopsis:    statusSynopsis,
		HelpDescription: strings.TrimSpace(statusDescription),
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:     b.readStatus,
				Summary:      statusSynopsis,
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "read", OperationSuffix: "status"},
				Responses:    statusResponses(),
			},
		},
	}}
}

func statusResponses() map[int][]framework.Response {
	return map[int][]framework.Response{http.StatusOK: {{
		Description: "The state of this node.",
		Fields: map[string]*framework.FieldSchema{
			keyVersion:      {Type: framework.TypeString, Required: true, Description: "Version of the engine."},
			keyUptime:       {Type: framework.TypeInt64, Required: true, Description: "Seconds since this mount began on this node."},
			keyCountedSince: {Type: framework.TypeTime, Required: true, Description: "When counting began, RFC 3339."},
			keyWrites:       {Type: framework.TypeBool, Required: true, Description: "Whether this node mints and stores tokens."},
			keyState:        {Type: framework.TypeString, Required: true, Description: stateDescription},
			keyApps:         {Type: framework.TypeMap, Required: true, Description: appsDescription},
			keyRoles:        {Type: framework.TypeMap, Required: true, Description: rolesDescription},
		},
	}}}
}

func (b *backend) readStatus(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	apps, err := b.appStatuses(ctx, req)
	if err != nil {
		return answer(err)
	}
	roles, err := b.roleStatuses(ctx, req)
	if err != nil {
		return answer(err)
	}
	return &logical.Response{Data: map[string]any{
		keyVersion:      b.version,
		keyUptime:       int64(b.now().Sub(b.begun) / time.Second),
		keyCountedSince: timestamp(b.begun),
		keyWrites:       b.WriteSafeReplicationState(),
		keyState:        worstState(apps, roles),
		keyApps:         apps,
		keyRoles:        roles,
	}}, nil
}

// worstState is the state of an app or role that an operator must know first.
func worstState(groups ...map[string]any) string {
	ranks := []tokens.State{tokens.Idle, tokens.Fresh, tokens.Renewing, tokens.Degraded, tokens.Failing}
	worst := 0
	for _, group := range groups {
		for _, shown := range group {
			state := tokens.State(fmt.Sprint(shown.(map[string]any)[keyState])) //nolint:forcetypeassert // made here
			worst = max(worst, slices.Index(ranks, state))
		}
	}
	return string(ranks[worst])
}

func (b *backend) appStatuses(ctx context.Context, req *logical.Request) (map[string]any, error) {
	names, err := req.Storage.List(ctx, configPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing configs: %w", err)
	}
	all := make(map[string]any)
	for _, name := range append(names, "") {
		a, err := b.app(ctx, req, name)
		switch {
		case isInput(err): // there is none, or no longer
			continue
		case err != nil:
			all[configKey(name)] = brokenStatus(err)
			continue
		}
		status := b.statusOf(a, a.config.Scopes.String())
		addCounts(status, b.tallies.total(name, ""))
		status[keyClientID] = a.config.ClientID
		status[keySecretAge] = int64(b.now().Sub(a.config.ClientSecretSetAt) / time.Second)
		all[configKey(name)] = status
	}
	return all, nil
}

func (b *backend) roleStatuses(ctx context.Context, req *logical.Request) (map[string]any, error) {
	names, err := req.Storage.List(ctx, rolePrefix)
	if err != nil {
		return nil, fmt.Errorf("listing roles: %w", err)
	}
	all := make(map[string]any)
	for _, name := range names {
		a, r, err := b.resolve(ctx, req, name)
		if err != nil {
			all[name] = brokenStatus(err)
			continue
		}
		scope := a.tokenScope(r)
		status := b.statusOf(a, scope)
		addCounts(status, b.tallies.total(a.name, scope))
		status[keyReads] = r.reads.Load()
		status[keyConfig] = configKey(a.name)
		all[name] = status
	}
	return all, nil
}

// brokenStatus is that of what can't be read, or whose app isn't there.
func brokenStatus(err error) map[string]any {
	return map[string]any{keyState: string(tokens.Failing), keyLastFailure: err.Error()}
}

// statusOf describes the token of an app and scopes.
func (b *backend) statusOf(a *app, scope string) map[string]any {
	s := a.pool.Status(scope)
	shown := map[string]any{keyState: string(s.State), keyScope: scope}
	if s.Token != nil {
		shown[keyTokenID] = s.Token.ID
		shown[keyMintedAt] = timestamp(s.Token.ObtainedAt)
		shown[keyRotatesAt] = timestamp(s.RotateAt)
		shown[keyExpiresAt] = timestamp(s.Token.ExpiresAt())
	}
	if s.Failure != nil {
		shown[keyNextAttempt] = timestampOfDue(s.Failure.NextAttempt)
	}
	if last, at := b.tallies.of(a.name)(scope).LastFailure(); last != nil {
		shown[keyLastFailure] = last.Err.Error()
		shown[keyLastFailureAt] = timestamp(at)
	}
	return shown
}

func addCounts(shown map[string]any, sum counts) {
	failures := make(map[string]any, len(sum.failures))
	for category, n := range sum.failures {
		failures[category] = n
	}
	shown[keyReads] = sum.fresh + sum.degraded
	shown[keyDegradedReads] = sum.degraded
	shown[keyFailedReads] = sum.failed
	shown[keyCoalesced] = sum.coalesced
	shown[keyExchanges] = sum.exchanges()
	shown[keyFailures] = failures
}

package itwin

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const statusPath = "status"

// The keys of a status response.
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
	keyDelay         = "delay"
	keyNextAttempt   = "next_attempt"
	keySecretAge     = "secret_age"
	keyConfig        = "config"
)

const statusSynopsis = `Show the state of every app and role on this node.`

const statusDescription = `
Shows for each app and role its state, its token's id, rotation and expiry, the last failure
and the next attempt, and counts. It never shows a token or a secret.

    $ vault read -field=state itwin/status
    $ vault read -format=yaml itwin/status

state is the worst state of all apps and roles. The table that vault prints by default
packs each of them into one line: read them as YAML or JSON.

The states:

    fresh     there is a token, and it isn't due for rotation
    renewing  an exchange is running, or will be retried before the rotation
    degraded  readers get the previous token, because a new one is overdue (see delay)
    failing   readers get errors
    idle      there is no token and no recent reader: the next reader gets a new token

Counts begin with the plugin's process, at counted_since, and cover this node only. A role's
reads are its own; its other counts are shared with all roles that have the same app and
scopes. uptime and secret_age are in seconds.

Next, if something fails: vault read itwin/check`

const (
	stateDescription = "The worst state of all apps and roles: idle, fresh, renewing, degraded or failing, from best to worst."

	appsDescription = "Each app by its config path: client_id, scope, state, secret_age; for its token, if there is one, token_id," +
		" minted_at, rotates_at and expires_at, and delay if a new one is overdue; for failures last_failure, last_failure_at" +
		" and next_attempt; and the counts reads, degraded_reads, failed_reads, coalesced_reads, exchanges and failures (by kind)."

	rolesDescription = "Each role by its name: the same as for an app, but config (its app's config path) instead of client_id and secret_age."
)

func (b *backend) pathsStatus() []*framework.Path {
	return []*framework.Path{withHelp(&framework.Path{
		Pattern: statusPath + "$",
		Operations: operations{
			logical.ReadOperation: readOperation(b.readStatus, statusSynopsis, "read", "status", statusSynopsis, schemas{
				keyVersion:      {Type: framework.TypeString, Required: true, Description: "Version of the plugin."},
				keyUptime:       {Type: framework.TypeInt64, Required: true, Description: "Seconds since the mount started on this node."},
				keyCountedSince: {Type: framework.TypeTime, Required: true, Description: "When the counts began, RFC 3339."},
				keyWrites:       {Type: framework.TypeBool, Required: true, Description: "Whether this node can mint and store tokens."},
				keyState:        {Type: framework.TypeString, Required: true, Description: stateDescription},
				keyApps:         {Type: framework.TypeMap, Required: true, Description: appsDescription},
				keyRoles:        {Type: framework.TypeMap, Required: true, Description: rolesDescription},
			}),
		},
	}, statusSynopsis, statusDescription)}
}

func (b *backend) readStatus(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	status, err := b.status(ctx, req)
	if err != nil {
		return answer(err)
	}
	apps := make(map[string]any, len(status.apps))
	for path, a := range status.apps {
		apps[path] = a.data()
	}
	roles := make(map[string]any, len(status.roles))
	for name, r := range status.roles {
		roles[name] = r.data()
	}
	return &logical.Response{Data: map[string]any{
		keyVersion:      b.version,
		keyUptime:       int64(b.now().Sub(b.begun) / time.Second),
		keyCountedSince: timestamp(b.begun),
		keyWrites:       b.WriteSafeReplicationState(),
		keyState:        string(status.worst()),
		keyApps:         apps,
		keyRoles:        roles,
	}}, nil
}

func (s appStatus) data() map[string]any {
	data := s.tokenStatus.data()
	if s.clientID != "" {
		data[keyClientID] = s.clientID
		data[keySecretAge] = int64(s.secretAge / time.Second)
	}
	return data
}

func (s roleStatus) data() map[string]any {
	data := s.tokenStatus.data()
	if s.config != "" {
		data[keyConfig] = s.config
	}
	return data
}

func (s tokenStatus) data() map[string]any {
	data := map[string]any{keyState: string(s.State)}
	if !s.Scopes.IsZero() {
		data[keyScope] = s.Scopes.String()
	}
	if s.Token != nil {
		data[keyTokenID] = s.Token.ID
		data[keyMintedAt] = timestamp(s.Token.ObtainedAt)
		data[keyRotatesAt] = timestamp(s.RotateAt)
		data[keyExpiresAt] = timestamp(s.Token.ExpiresAt())
	}
	if s.Failure != nil {
		data[keyNextAttempt] = timestampOfDue(s.Failure.NextAttempt)
	}
	if s.Delay != nil {
		data[keyDelay] = delayText(s.Delay)
	}
	if s.lastFailure != nil {
		data[keyLastFailure] = s.lastFailure.Error()
	}
	if !s.lastFailureAt.IsZero() {
		data[keyLastFailureAt] = timestamp(s.lastFailureAt)
	}
	if s.counts != nil {
		s.counts.addTo(data)
	}
	return data
}

func (c *counts) addTo(data map[string]any) {
	failures := make(map[string]any, len(c.failures))
	for category, n := range c.failures {
		failures[category] = n
	}
	data[keyReads] = c.reads
	data[keyDegradedReads] = c.degraded
	data[keyFailedReads] = c.failed
	data[keyCoalesced] = c.coalesced
	data[keyExchanges] = c.exchanges()
	data[keyFailures] = failures
}

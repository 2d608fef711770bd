package itwin

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/input"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	tokenPath = "token"
	keyRole   = "role"
	keyMinTTL = "min_ttl"
)

// The keys of a token response. Their names are those of Vault's static credentials,
// whose rotation Vault Agent and the Vault Secrets Operator follow exactly.
const (
	keyAccessToken       = "access_token"
	keyTokenType         = "token_type"
	keyScope             = "scope"
	keyTokenID           = "token_id"
	keyExpiresAt         = "expires_at"
	keyExpiresAtUnix     = "expires_at_unix"
	keyTTL               = "ttl"
	keyRotationPeriod    = "rotation_period"
	keyLastVaultRotation = "last_vault_rotation"
)

const tokenSynopsis = `Read an access token for the iTwin Platform.`

const tokenDescription = `
Returns the shared access token of the default app ("token") or of a role
("token/<role>"), and mints one if there is none. The token has no lease and any number
of readers.

    $ vault read itwin/token
    $ vault read -field=access_token itwin/token/viewer

Send it as "Authorization: Bearer <access_token>". ttl is the number of seconds until a
new token is available: read again then. The previous token stays valid until expires_at.

A job that needs a token for longer can ask for one: vault read itwin/token min_ttl=50m
returns a token that is valid for at least 50 more minutes. The maximum is 90 % of a
token's lifetime.

While IMS is down, reads return the previous token with a warning, until a minute before
it expires.

Next, if a read fails or the token doesn't work: vault read itwin/check`

func (b *backend) pathsToken() []*framework.Path {
	return []*framework.Path{
		b.pathToken(tokenPath+"$", schemas{}, ""),
		b.pathToken(tokenPrefix+nameRegex(keyRole), roleNameField(), "role-"),
	}
}

func roleNameField() schemas {
	return schemas{keyRole: {
		Type: framework.TypeString, Required: true,
		Description: "Name of the role, as in role/<name>. Without a role, the default app and its own scopes are used.",
	}}
}

// tokenRole returns the role at the end of the path, or an empty string.
func tokenRole(d *framework.FieldData) string {
	if d.Schema[keyRole] == nil {
		return ""
	}
	return d.Get(keyRole).(string) //nolint:forcetypeassert // its schema is a string
}

func (b *backend) pathToken(pattern string, fields schemas, infix string) *framework.Path {
	fields[keyMinTTL] = minTTLField()
	operation := func(verb, summary string) *framework.PathOperation {
		return readOperation(b.readToken, summary, verb, infix+"token", "The shared token.", tokenResponseFields())
	}
	return withHelp(&framework.Path{
		Pattern: pattern,
		Fields:  fields,
		Operations: operations{
			logical.ReadOperation: operation("read", tokenSynopsis),
			// A template that passes arguments sends a write.
			logical.UpdateOperation: operation("request", "Read an access token, for templates that pass arguments: they send a write."),
		},
	}, tokenSynopsis, tokenDescription)
}

func minTTLField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type: framework.TypeDurationSecond, Query: true,
		Description: "How long the token must still be valid, such as 50m; at most 90 % of a token's lifetime." +
			" If the shared token expires sooner, a new one is minted and shared.",
	}
}

func tokenResponseFields() schemas {
	fields := identityResponse()
	fields[keyAccessToken] = &framework.FieldSchema{
		Type: framework.TypeString, Required: true, Description: "The access token, without \"Bearer \" in front.",
	}
	return fields
}

// identityResponse describes the fields that identify a token without revealing it.
func identityResponse() schemas {
	field := func(t framework.FieldType, description string) *framework.FieldSchema {
		return &framework.FieldSchema{Type: t, Required: true, Description: description}
	}
	return schemas{
		keyTokenType:         field(framework.TypeString, "The type of the token: Bearer."),
		keyScope:             field(framework.TypeString, "The scopes of the token, separated by spaces."),
		keyClientID:          field(framework.TypeString, "Client id of the service app."),
		keyTokenID:           field(framework.TypeString, "Hex SHA-256 of access_token: identifies the token in logs without revealing it."),
		keyExpiresAt:         field(framework.TypeTime, "When the token expires, RFC 3339."),
		keyExpiresAtUnix:     field(framework.TypeInt64, "The same in seconds since 1970."),
		keyTTL:               field(framework.TypeInt64, "Seconds until a new token is available; read again then."),
		keyRotationPeriod:    field(framework.TypeInt64, "Seconds from one token to the next."),
		keyLastVaultRotation: field(framework.TypeTime, "When the token was minted, RFC 3339; later with each new token."),
	}
}

func (b *backend) readToken(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	minLife := time.Duration(d.Get(keyMinTTL).(int)) * time.Second //nolint:forcetypeassert // its schema is a duration
	return b.withApp(ctx, req, tokenRole(d), func(a *app, r *role) (*logical.Response, error) {
		served, err := a.pool.Token(ctx, a.scopesOf(r), minLife)
		if err != nil {
			return nil, err
		}
		r.countRead()
		return tokenResponse(a, served), nil
	})
}

// sharedToken answers a read from memory, without calling Vault or waiting. It returns
// nil for any request that needs more than that.
func (b *backend) sharedToken(req *logical.Request) *logical.Response {
	minLife, plain := plainRead(req)
	if !plain {
		return nil
	}
	name, named := strings.CutPrefix(req.Path, tokenPrefix)
	if !named {
		name = ""
	}
	if !named && req.Path != tokenPath || named && name == "" {
		return nil
	}
	r := &role{}
	if named {
		known, ok := b.roles.Peek(name)
		if !ok {
			return nil
		}
		r = known
	}
	a, ok := b.apps.Peek(r.App)
	if !ok || !a.config.allowsRole(name) {
		return nil
	}
	served, ok := a.pool.Fresh(a.scopesOf(r), minLife)
	if !ok {
		return nil
	}
	r.countRead()
	return tokenResponse(a, served)
}

// plainRead returns the min_ttl of a request that has no other field and is valid.
func plainRead(req *logical.Request) (time.Duration, bool) {
	raw, given := req.Data[keyMinTTL]
	switch {
	case req.Operation != logical.ReadOperation && req.Operation != logical.UpdateOperation:
		return 0, false
	case len(req.Data) == 0:
		return 0, true
	case !given || len(req.Data) > 1:
		return 0, false
	}
	value, err := input.Seconds(raw)
	seconds, ok := value.(int)
	if err != nil || !ok {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

func tokenResponse(a *app, s tokens.Served) *logical.Response {
	fixed, _ := s.Derived(func() any {
		data := tokenIdentity(a, s.Token)
		data[keyAccessToken] = s.AccessToken.Reveal()
		return data
	}).(map[string]any)
	resp := timedResponse(fixed, s)
	if s.Delay != nil {
		resp.AddWarning(fmt.Sprintf("This is the previous token, valid until %s: %s.", timestamp(s.ExpiresAt()), delayText(s.Delay)))
	}
	return resp
}

// delayText says why there is no new token yet.
func delayText(d *tokens.Delay) string {
	since := timestamp(d.Since)
	switch {
	case d.Failure != nil:
		return fmt.Sprintf("minting has failed since %s (%v); next attempt at %s",
			since, d.Failure.Err, timestampOfDue(d.Failure.NextAttempt))
	case d.Reason == tokens.DelayReadOnly:
		return fmt.Sprintf("this node can't write, and has been waiting for a new token from the active node since %s", since)
	}
	return fmt.Sprintf("the exchange for a new one has been running since %s: IMS or Vault's storage hasn't answered yet", since)
}

// timedResponse adds the fields that change with each read to those that are fixed for
// the token's lifetime.
func timedResponse(fixed map[string]any, s tokens.Served) *logical.Response {
	data := make(map[string]any, len(fixed)+2)
	maps.Copy(data, fixed)
	data[keyTTL], data[keyRotationPeriod] = s.TTL, s.RotationPeriod
	return &logical.Response{Data: data}
}

// tokenIdentity returns the fields that identify a token without revealing it.
func tokenIdentity(a *app, t *tokens.Token) map[string]any {
	return map[string]any{
		keyTokenType:         t.Type,
		keyScope:             t.Scope().String(),
		keyClientID:          a.config.ClientID,
		keyTokenID:           t.ID,
		keyExpiresAt:         timestamp(t.ExpiresAt()),
		keyExpiresAtUnix:     t.ExpiresAt().Unix(),
		keyLastVaultRotation: timestamp(t.RotatedAt),
	}
}

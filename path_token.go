package itwin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
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

// The keys of a token answer: the dialect of Vault's own static credentials,
// which Vault Agent and the Vault Secrets Operator time exactly.
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
("token/<role>"), minted when there is none. It has no lease and is good for any number
of readers.

    $ vault read itwin/token
    $ vault read -field=access_token itwin/token/viewer

Send it as "Authorization: Bearer <access_token>". ttl is the number of seconds until a
new token is handed out: read again then; the old one stays good until expires_at.

A job that needs a token for longer asks for it: vault read itwin/token min_ttl=50m gets
one with at least that much life left, up to 90 % of a lifetime.

While IMS is down the old token is handed out with a warning, until a minute before it
expires.

Next, when a read fails or the token doesn't do what it should: vault read itwin/check`

func (b *backend) pathsToken() []*framework.Path {
	return []*framework.Path{
		b.pathToken(tokenPath+"$", nil, ""),
		b.pathToken(tokenPrefix+nameRegex(keyRole), roleNameField(), "role-"),
	}
}

func roleNameField() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		keyRole: {
			Type: framework.TypeString, Required: true,
			Description: "Name of the role, as in role/<name>. Without one, the default app and its own scopes are meant.",
		},
	}
}

func (b *backend) pathToken(pattern string, fields map[string]*framework.FieldSchema, infix string) *framework.Path {
	fields = maps.Clone(fields)
	if fields == nil {
		fields = make(map[string]*framework.FieldSchema)
	}
	fields[keyMinTTL] = minTTLField()
	operation := func(verb, summary string) *framework.PathOperation {
		return &framework.PathOperation{
			Callback:     b.readToken,
			Summary:      summary,
			DisplayAttrs: &framework.DisplayAttributes{OperationVerb: verb, OperationSuffix: infix + "token"},
			Responses:    tokenResponses(),
		}
	}
	return &framework.Path{
		Pattern:         pattern,
		Fields:          fields,
		HelpSynopsis:    tokenSynopsis,
		HelpDescription: strings.TrimSpace(tokenDescription),
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: operation("read", tokenSynopsis),
			// Templates that pass arguments write where they mean to read.
			logical.UpdateOperation: operation("request", "The same, for templates: they write where they pass arguments."),
		},
	}
}

func minTTLField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type: framework.TypeDurationSecond, Query: true,
		Description: "Least life that the token must have left, such as 50m; at most 90 % of a lifetime." +
			" If the shared token has less, a new one is minted and shared.",
	}
}

func tokenResponses() map[int][]framework.Response {
	field := func(t framework.FieldType, description string) *framework.FieldSchema {
		return &framework.FieldSchema{Type: t, Required: true, Description: description}
	}
	return map[int][]framework.Response{http.StatusOK: {{
		Description: "The shared token.",
		Fields: map[string]*framework.FieldSchema{
			keyAccessToken:       field(framework.TypeString, "The access token, without \"Bearer \" before it."),
			keyTokenType:         field(framework.TypeString, "The kind of token: Bearer."),
			keyScope:             field(framework.TypeString, "The scopes it was minted for, separated by spaces."),
			keyClientID:          field(framework.TypeString, "Client id of the service app."),
			keyTokenID:           field(framework.TypeString, "SHA-256 of access_token in hex: names the token in logs without revealing it."),
			keyExpiresAt:         field(framework.TypeTime, "When the token expires, RFC 3339."),
			keyExpiresAtUnix:     field(framework.TypeInt64, "The same in seconds since 1970."),
			keyTTL:               field(framework.TypeInt64, "Seconds until a new token is handed out; read again then."),
			keyRotationPeriod:    field(framework.TypeInt64, "Seconds from one token to the next."),
			keyLastVaultRotation: field(framework.TypeTime, "When the token was minted, RFC 3339; later with each new token."),
		},
	}}}
}

func (b *backend) readToken(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	minLife := time.Duration(d.Get(keyMinTTL).(int)) * time.Second //nolint:forcetypeassert // its schema is a duration
	return b.withPool(ctx, req, func(a *app, r *role) (*logical.Response, error) {
		served, err := a.pool.Token(ctx, a.tokenScope(r), minLife)
		if err != nil {
			return nil, err
		}
		r.countRead()
		return tokenResponse(a, served), nil
	})
}

// roleOf is the role that a path ends in, empty for the default app's own.
func roleOf(path string) string {
	_, name, _ := strings.Cut(path, "/")
	return name
}

// withPool looks up the role that a path ends in and its app, and calls use with
// them, again if the app's credentials were replaced meanwhile.
func (b *backend) withPool(ctx context.Context, req *logical.Request,
	use func(a *app, r *role) (*logical.Response, error),
) (*logical.Response, error) {
	for attempt := 0; ; attempt++ {
		a, r, err := b.resolve(ctx, req, roleOf(req.Path))
		if err != nil {
			return answer(err)
		}
		resp, err := use(a, r)
		if errors.Is(err, tokens.ErrSuperseded) && attempt < 3 {
			b.apps.ForgetIf(a.name, func(known *app) bool { return known == a })
			continue
		}
		if err != nil {
			return answer(err)
		}
		return resp, nil
	}
}

// resolve returns a role and its app; no role means the default app and its own
// scopes.
func (b *backend) resolve(ctx context.Context, req *logical.Request, roleName string) (*app, *role, error) {
	r, err := b.role(ctx, req, roleName)
	if err != nil {
		return nil, nil, err
	}
	a, err := b.app(ctx, req, r.App)
	if err != nil {
		return nil, nil, err
	}
	return a, r, nil
}

// tokenScope is what a role's token is minted for.
func (a *app) tokenScope(r *role) string {
	if !r.Scopes.IsZero() {
		return r.Scopes.String()
	}
	return a.config.Scopes.String()
}

func tokenResponse(a *app, s tokens.Served) *logical.Response {
	lasting, _ := s.Derived(func() any { return lastingData(a, s.Token) }).(map[string]any)
	data := make(map[string]any, len(lasting)+2)
	maps.Copy(data, lasting)
	data[keyTTL], data[keyRotationPeriod] = s.TTL, s.RotationPeriod
	resp := &logical.Response{Data: data}
	if f := s.Degraded; f != nil {
		resp.AddWarning(fmt.Sprintf("IMS has failed since %s, so this is the previous token, good until %s: %s. Next attempt at %s.",
			timestamp(f.Since), timestamp(s.ExpiresAt()), f.Err, timestampOfDue(f.NextAttempt)))
	}
	return resp
}

// lastingData is what every answer with a token has in common.
func lastingData(a *app, t *tokens.Token) map[string]any {
	return map[string]any{
		keyAccessToken:       t.AccessToken.Reveal(),
		keyTokenType:         t.Type,
		keyScope:             t.Scope,
		keyClientID:          a.config.ClientID,
		keyTokenID:           t.ID,
		keyExpiresAt:         timestamp(t.ExpiresAt()),
		keyExpiresAtUnix:     t.ExpiresAt().Unix(),
		keyLastVaultRotation: timestamp(t.RotatedAt),
	}
}

// sharedToken answers a read from memory: no call to Vault, no wait. It returns
// nil for anything that is not that simple.
func (b *backend) sharedToken(req *logical.Request) *logical.Response {
	minLife, plain := plainWish(req)
	if !plain {
		return nil
	}
	name, named := strings.CutPrefix(req.Path, tokenPrefix)
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
	if !ok {
		return nil
	}
	served, ok := a.pool.Fresh(a.tokenScope(r), minLife)
	if !ok {
		return nil
	}
	r.countRead()
	return tokenResponse(a, served)
}

// plainWish reads min_ttl of a request that asks for nothing else and in no way
// that needs an answer in words.
func plainWish(req *logical.Request) (time.Duration, bool) {
	raw, asked := req.Data[keyMinTTL]
	switch {
	case req.Operation != logical.ReadOperation && req.Operation != logical.UpdateOperation:
		return 0, false
	case len(req.Data) == 0:
		return 0, true
	case !asked || len(req.Data) > 1:
		return 0, false
	}
	value, err := input.Seconds(raw)
	seconds, ok := value.(int)
	if err != nil || !ok {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

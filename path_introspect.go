package itwin

import (
	"context"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	introspectPath = "introspect"
	keyToken       = "token"

	// maxToken is the longest token that is looked at, in bytes.
	maxToken = 64 << 10
)

// The keys of an introspection's answer.
const (
	keyActive = "active"
	keyReason = "reason"
	keyClaims = "claims"
	keyApps   = "apps"
	keyRoles  = "roles"
)

const introspectSynopsis = `Say what a token is: genuine, still good, and whose.`

const introspectDescription = `
Verifies a token against the keys that IMS publishes, as an API would: signature by RS256,
issuer and expiry. Nothing about it is stored.

    $ vault write itwin/introspect token=@token.txt

active tells whether it is good now, reason why not. claims are what it states, shown only
if IMS signed it. token_id finds it in the audit log. apps and roles are those of this
mount that the token is for: apps has its client id ("config" is the default app), and
roles are those that ask for the same scopes. A "Bearer " before the token does no harm.

IMS may end a token early without telling anyone: what is active here is good by its
signature and time.`

func (b *backend) pathsIntrospect() []*framework.Path {
	return []*framework.Path{{
		Pattern: introspectPath + "$",
		Fields: map[string]*framework.FieldSchema{
			keyToken: {
				Type: framework.TypeString, Required: true,
				Description:  "The access token, with or without \"Bearer \" before it.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
		},
		HelpSynopsis:    introspectSynopsis,
		HelpDescription: strings.TrimSpace(introspectDescription),
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:     b.introspect,
				Summary:      introspectSynopsis,
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "introspect", OperationSuffix: "token"},
				Responses:    introspectResponses(),
			},
		},
	}}
}

func introspectResponses() map[int][]framework.Response {
	return map[int][]framework.Response{http.StatusOK: {{
		Description: "What the token is.",
		Fields: map[string]*framework.FieldSchema{
			keyActive:    {Type: framework.TypeBool, Required: true, Description: "Signed by IMS, of this issuer, and not expired."},
			keyReason:    {Type: framework.TypeString, Description: "Why it isn't active."},
			keyTokenID:   {Type: framework.TypeString, Required: true, Description: "SHA-256 of the token in hex."},
			keyExpiresAt: {Type: framework.TypeTime, Description: "When the token expires, RFC 3339."},
			keyClaims:    {Type: framework.TypeMap, Description: "What the token states; absent unless IMS signed it."},
			keyApps:      {Type: framework.TypeStringSlice, Required: true, Description: "Config paths of the apps with its client id."},
			keyRoles:     {Type: framework.TypeStringSlice, Required: true, Description: "Roles of these apps with its scopes."},
		},
	}}}
}

func (b *backend) introspect(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	raw := strings.TrimSpace(d.Get(keyToken).(string)) //nolint:forcetypeassert // its schema is a string
	if scheme, rest, found := strings.Cut(raw, " "); found && strings.EqualFold(scheme, "Bearer") {
		raw = strings.TrimSpace(rest)
	}
	switch {
	case raw == "":
		return answer(errField(keyToken, "is missing: give the access token, token=@file or token=-"))
	case len(raw) > maxToken:
		return answer(errField(keyToken, "is longer than 64 KiB: give the access token alone"))
	}
	found, err := b.inspect(ctx, req, secret.New(raw))
	if err != nil {
		return answer(err)
	}
	found[keyTokenID] = tokens.ID(secret.New(raw))
	return &logical.Response{Data: found}, nil
}

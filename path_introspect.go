package itwin

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
	"vault-plugin-secrets-itwin/internal/tokentext"
)

const (
	introspectPath = "introspect"
	keyToken       = "token"
)

// The keys of an introspection's response.
const (
	keyActive = "active"
	keyReason = "reason"
	keyClaims = "claims"
	keyApps   = "apps"
	keyRoles  = "roles"
)

const introspectSynopsis = `Show whether a token is valid, and which apps and roles it is for.`

const introspectDescription = `
Verifies a token as an API does, with the keys that IMS publishes: an RS256 signature, the
issuer and the expiry. Nothing about the token is stored.

    $ vault write itwin/introspect token=@token.txt

active is true if the token is valid; if not, reason says why. claims are the token's own,
shown only if IMS signed it. Look for token_id in the audit log. apps are the config paths
in this mount with the token's client id ("config" is the default app), and roles are the
roles of these apps with the token's scopes. The token can be pasted as it is, with
"Bearer ", quotes or line breaks.

If IMS revokes a token early, introspection can't see it: active means only that the
signature, the issuer and the expiry are valid.`

func (b *backend) pathsIntrospect() []*framework.Path {
	return []*framework.Path{withHelp(&framework.Path{
		Pattern: introspectPath + "$",
		Fields: schemas{
			keyToken: {
				Type: framework.TypeString, Required: true,
				Description: "The access token, with or without the \"Bearer \", quotes, line breaks or JSON" +
					" that it was copied with.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
		},
		Operations: operations{
			logical.UpdateOperation: readOperation(b.introspect, introspectSynopsis, "introspect", "token", "The result of introspection.", schemas{
				keyActive:    {Type: framework.TypeBool, Required: true, Description: "Whether the signature, the issuer and the expiry are valid."},
				keyReason:    {Type: framework.TypeString, Description: "Why it isn't active."},
				keyTokenID:   {Type: framework.TypeString, Required: true, Description: "Hex SHA-256 of the token."},
				keyExpiresAt: {Type: framework.TypeTime, Description: "When the token expires, RFC 3339."},
				keyClaims:    {Type: framework.TypeMap, Description: "The claims of the token; absent unless IMS signed it."},
				keyApps:      {Type: framework.TypeStringSlice, Required: true, Description: "Config paths of the apps with its client id."},
				keyRoles:     {Type: framework.TypeStringSlice, Required: true, Description: "Roles of these apps with its scopes."},
			}),
		},
	}, introspectSynopsis, introspectDescription)}
}

func (b *backend) introspect(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	token, err := tokentext.Read(d.Get(keyToken).(string)) //nolint:forcetypeassert // its schema is a string
	if err != nil {
		return answer(errField(keyToken, err.Error()))
	}
	found, err := b.introspectToken(ctx, req, token)
	if err != nil {
		return answer(err)
	}
	return &logical.Response{Data: found.data(token)}, nil
}

func (i introspection) data(token secret.Text) map[string]any {
	data := map[string]any{
		keyActive:  i.reason == "",
		keyTokenID: tokens.ID(token),
		keyApps:    append([]string{}, i.apps...), // an empty list, not null
		keyRoles:   append([]string{}, i.roles...),
	}
	if i.reason != "" {
		data[keyReason] = i.reason
	}
	if i.claims != nil {
		data[keyClaims] = i.claims
	}
	if !i.expires.IsZero() {
		data[keyExpiresAt] = timestamp(i.expires)
	}
	return data
}

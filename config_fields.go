package itwin

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

// The fields of a config, as schema, storage and tests name them.
const (
	keyApp               = "app"
	keyClientID          = "client_id"
	keyClientSecret      = "client_secret"
	keyClientSecretSetAt = "client_secret_set_at"
	keyAuthority         = "authority"
	keyTokenURL          = "token_url"
	keyAPIURL            = "api_url"
	keyScopes            = "scopes"
	keyAuthMethod        = "auth_method"
	keyRenewBefore       = "renew_before"
	keyRequestTimeout    = "request_timeout"
	keyCACert            = "ca_cert"
	keyTLSMinVersion     = "tls_min_version"
	keyPersistTokens     = "persist_tokens"
	keyVerify            = "verify"
)

// configField is all there is to know of one field: how it is described, written
// and shown.
type configField struct {
	name   string
	schema framework.FieldSchema
	set    func(c *config, v any) error
	reset  func(c, defaults *config)
	show   func(c *config) any // nil: never shown
}

// configFields lists the fields of a config in the order of the documentation.
func configFields() []configField {
	return slices.Concat(identityFields(), endpointFields(), requestFields(), tokenFields())
}

func identityFields() []configField {
	return []configField{
		{
			name: keyClientID,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Required: true,
				Description: "Client id of the service app, as My Apps shows it (service-…).",
			},
			set: func(c *config, v any) error {
				c.ClientID = strings.TrimSpace(asString(v))
				return checkClientID(c.ClientID)
			},
			reset: func(c, _ *config) { c.ClientID = "" },
			show:  func(c *config) any { return c.ClientID },
		},
		{
			name: keyClientSecret,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Required: true,
				Description:  "Client secret of the service app. Never returned.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
			set:   setClientSecret,
			reset: func(c, _ *config) { c.ClientSecret = secret.Text{} },
		},
		{
			name: keyScopes,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Default: defaultScopes,
				Description: "Scopes of the tokens, separated by spaces or commas, unless a role names others.",
			},
			set:   func(c *config, v any) error { return parsed(keyScopes, v, ims.ParseScopes, &c.Scopes) },
			reset: func(c, d *config) { c.Scopes = d.Scopes },
			show:  func(c *config) any { return c.Scopes },
		},
	}
}

func endpointFields() []configField {
	return []configField{
		{
			name: keyAuthority,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Default: defaultAuthority,
				Description: "Base URL of Bentley's identity provider (IMS); QA is https://qa-ims.bentley.com.",
			},
			set:   func(c *config, v any) error { return parsed(keyAuthority, v, outbound.ParseEndpoint, &c.Authority) },
			reset: func(c, d *config) { c.Authority = d.Authority },
			show:  func(c *config) any { return c.Authority },
		},
		{
			name: keyTokenURL,
			schema: framework.FieldSchema{
				Type:        framework.TypeString,
				Description: "Token endpoint; <authority>/connect/token unless set. An empty value goes back to that.",
			},
			set:   setTokenURL,
			reset: func(c, _ *config) { c.TokenURL = "" },
			show:  func(c *config) any { return c.tokenURL() },
		},
		{
			name: keyAPIURL,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Default: defaultAPIURL,
				Description: "Base URL of the iTwin Platform; QA is https://qa-api.bentley.com.",
			},
			set:   func(c *config, v any) error { return parsed(keyAPIURL, v, outbound.ParseEndpoint, &c.APIURL) },
			reset: func(c, d *config) { c.APIURL = d.APIURL },
			show:  func(c *config) any { return c.APIURL },
		},
	}
}

func requestFields() []configField {
	return []configField{
		{
			name: keyAuthMethod,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Default: string(ims.AuthPost),
				AllowedValues: []any{string(ims.AuthPost), string(ims.AuthBasic)},
				Description:   "How the credentials are sent: in the body (client_secret_post) or the Authorization header (client_secret_basic).",
			},
			set:   setAuthMethod,
			reset: func(c, d *config) { c.AuthMethod = d.AuthMethod },
			show:  func(c *config) any { return string(c.AuthMethod) },
		},
		{
			name: keyRequestTimeout,
			schema: framework.FieldSchema{
				Type: framework.TypeDurationSecond, Default: int(defaultRequestTimeout / time.Second),
				Description: "Time limit for one request to IMS, from 1s to 30s.",
			},
			set: func(c *config, v any) error {
				return setDuration(keyRequestTimeout, v, minRequestTimeout, maxRequestTimeout, &c.RequestTimeout)
			},
			reset: func(c, d *config) { c.RequestTimeout = d.RequestTimeout },
			show:  func(c *config) any { return int64(c.RequestTimeout / time.Second) },
		},
		{
			name: keyCACert,
			schema: framework.FieldSchema{
				Type:        framework.TypeString,
				Description: "PEM certificates to trust instead of the system's roots. An empty value goes back to those.",
			},
			set:   setCACert,
			reset: func(c, _ *config) { c.CACert = "" },
			show:  func(c *config) any { return c.CACert },
		},
		{
			name: keyTLSMinVersion,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Default: tls12, AllowedValues: []any{tls12, tls13},
				Description: "Lowest version of TLS: tls12 or tls13.",
			},
			set:   setTLSMinVersion,
			reset: func(c, d *config) { c.TLSMinVersion = d.TLSMinVersion },
			show:  func(c *config) any { return c.TLSMinVersion },
		},
	}
}

func tokenFields() []configField {
	return []configField{
		{
			name: keyRenewBefore,
			schema: framework.FieldSchema{
				Type: framework.TypeDurationSecond, Default: int(defaultRenewBefore / time.Second),
				Description: "Life that every token handed out has left; half a lifetime at most.",
			},
			set: func(c *config, v any) error {
				return setDuration(keyRenewBefore, v, time.Second, maxRenewBefore, &c.RenewBefore)
			},
			reset: func(c, d *config) { c.RenewBefore = d.RenewBefore },
			show:  func(c *config) any { return int64(c.RenewBefore / time.Second) },
		},
		{
			name: keyPersistTokens,
			schema: framework.FieldSchema{
				Type: framework.TypeBool, Default: true,
				Description: "Keep tokens in Vault's encrypted storage, so that they outlive a restart or a lost leader." +
					" False keeps them in memory alone.",
			},
			set: func(c *config, v any) error {
				c.PersistTokens, _ = v.(bool)
				return nil
			},
			reset: func(c, d *config) { c.PersistTokens = d.PersistTokens },
			show:  func(c *config) any { return c.PersistTokens },
		},
	}
}

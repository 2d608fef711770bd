package itwin

import (
	"slices"
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

// destinationRule is for the fields of checkDestination.
const destinationRule = " Changing it needs client_secret in the same write."

// configFields lists the fields of a config in the order of the documentation. To
// add one, add it here and to config, then run make docs.
func configFields() []configField {
	return slices.Concat(identityFields(), endpointFields(), requestFields(), tokenFields())
}

func identityFields() []configField {
	id := textField(keyClientID, "Client id of the service app, as My Apps shows it (service-…)."+
		" Ids of other kinds of apps (spa-, native-, webapp-) get a warning.",
		func(c *config) *string { return &c.ClientID }, parseClientID)
	id.schema.Required = true
	scopes := textField(keyScopes, "Scopes of the tokens, separated by spaces or commas, unless a role names others."+scopesRule,
		func(c *config) *string { return &c.Scopes }, ims.ParseScopes)
	return []configField{id, secretField(), scopes}
}

func secretField() configField {
	return configField{
		name: keyClientSecret,
		schema: framework.FieldSchema{
			Type: framework.TypeString, Required: true,
			Description:  "Client secret of the service app; client_secret=@secret.txt reads it from a file. Never returned.",
			DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
		},
		set:   setClientSecret,
		reset: func(c, _ *config) { c.ClientSecret = secret.Text{} },
	}
}

func endpointFields() []configField {
	tokenURL := textField(keyTokenURL, "Token endpoint, by the rules of authority; <authority>/connect/token unless set."+
		" An empty value goes back to that."+destinationRule,
		func(c *config) *string { return &c.TokenURL }, emptyOr(outbound.ParseEndpoint))
	tokenURL.show = func(c *config) any { return c.tokenURL() }
	return []configField{
		textField(keyAuthority, "Base URL of Bentley's identity provider (IMS); QA is https://qa-ims.bentley.com."+
			" It must be https, or http to a loopback address, without user name, query or fragment."+destinationRule,
			func(c *config) *string { return &c.Authority }, outbound.ParseEndpoint),
		tokenURL,
		textField(keyAPIURL, "Base URL of the iTwin Platform, by the rules of authority; QA is https://qa-api.bentley.com."+
			" Only check asks it."+destinationRule,
			func(c *config) *string { return &c.APIURL }, outbound.ParseEndpoint),
	}
}

func requestFields() []configField {
	return []configField{
		textField(keyAuthMethod,
			"How the credentials are sent: in the body (client_secret_post) or the Authorization header (client_secret_basic).",
			func(c *config) *string { return (*string)(&c.AuthMethod) }, oneOf(string(ims.AuthPost), string(ims.AuthBasic)),
			string(ims.AuthPost), string(ims.AuthBasic)),
		durationField(keyRequestTimeout, "Time limit for one request to IMS.",
			func(c *config) *time.Duration { return &c.RequestTimeout }, minRequestTimeout, maxRequestTimeout),
		textField(keyCACert, "PEM certificates to trust instead of the system's roots, 256 KiB at most;"+
			" ca_cert=@ca.pem reads them from a file. An empty value goes back to the system's."+destinationRule,
			func(c *config) *string { return &c.CACert }, emptyOr(parseCACert)),
		textField(keyTLSMinVersion, "Lowest version of TLS: tls12 or tls13. Lowering it needs client_secret in the same write.",
			func(c *config) *string { return &c.TLSMinVersion }, oneOf(outbound.TLS12, outbound.TLS13),
			outbound.TLS12, outbound.TLS13),
	}
}

func tokenFields() []configField {
	return []configField{
		durationField(keyRenewBefore, "Least life left on a token that is handed out; never more than half its lifetime.",
			func(c *config) *time.Duration { return &c.RenewBefore }, time.Second, maxRenewBefore),
		{
			name: keyPersistTokens,
			schema: framework.FieldSchema{
				Type: framework.TypeBool, Default: true,
				Description: "Keep tokens in Vault's encrypted storage, so that they outlive a restart or a lost leader." +
					" False keeps them in memory alone. Default: true.",
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

// textField describes a text; at is where it is, parse what it may be.
func textField(name, description string, at func(*config) *string, parse func(string) (string, error), allowed ...any) configField {
	f := configField{
		name:   name,
		schema: framework.FieldSchema{Type: framework.TypeString, AllowedValues: allowed, Description: description},
		set:    func(c *config, v any) error { return parsed(name, v, parse, at(c)) },
		reset:  func(c, d *config) { *at(c) = *at(d) },
		show:   func(c *config) any { return *at(c) },
	}
	if value := *at(defaultConfig()); value != "" {
		f.schema.Default = value
		f.schema.Description += " Default: " + value + "."
	}
	return f
}

// durationField describes a duration, which is shown in seconds.
func durationField(name, description string, at func(*config) *time.Duration, least, most time.Duration) configField {
	standard := short(*at(defaultConfig()))
	return configField{
		name: name,
		schema: framework.FieldSchema{
			// OpenAPI documents give durations the type of a text, and so must the default be.
			Type: framework.TypeDurationSecond, Default: standard,
			Description: description + " From " + short(least) + " to " + short(most) + ". Default: " + standard + ".",
		},
		set:   func(c *config, v any) error { return setDuration(name, v, least, most, at(c)) },
		reset: func(c, d *config) { *at(c) = *at(d) },
		show:  func(c *config) any { return int64(*at(c) / time.Second) },
	}
}

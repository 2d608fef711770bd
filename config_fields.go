package itwin

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/input"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/platform"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
)

// The names of a config's fields.
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
	keyAllowedRoles      = "allowed_roles"
	keyVerify            = "verify"
)

// maxCACert is the longest bundle of certificates, in bytes.
const maxCACert = 256 << 10

const (
	// destinationRule ends the description of fields that checkDestination guards.
	destinationRule = " Changing it requires client_secret in the same write."

	// scopesRule describes what scopes.Parse refuses.
	scopesRule = " openid, email, profile, organization and offline_access are refused: they are for users."
)

// configField defines one field: its schema, and how it is parsed, set, reset and shown.
type configField struct {
	name   string
	schema framework.FieldSchema
	rule   input.Text                       // for strings and lists
	set    func(c *config, value any) error // value was normalized by checkFields and isn't empty
	reset  func(c, defaults *config)        // restores the default
	show   func(c *config) any              // nil: never shown
}

// configFields returns the fields of a config in the order of the documentation. To
// add one, add it here and to config, then run make docs.
func configFields() []configField {
	return slices.Concat(identityFields(), endpointFields(), requestFields(), tokenFields())
}

func identityFields() []configField {
	id := textField(keyClientID, "Client id of the service app, as My Apps shows it (service-…)."+
		" Ids of other app types (spa-, native-, webapp-) cause a warning.",
		func(c *config) *string { return &c.ClientID }, input.ClientID)
	id.rule = input.Text{ASCII: true, Pasted: input.Document}
	id.schema.Required = true
	return []configField{
		id,
		{
			name: keyClientSecret,
			schema: framework.FieldSchema{
				Type: framework.TypeString, Required: true,
				Description:  "Client secret of the service app; client_secret=@secret.txt reads it from a file. Never returned.",
				DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
			},
			rule: input.Text{ASCII: true, Free: true, Pasted: input.Document},
			set: func(c *config, v any) error {
				value, _ := v.(string)
				if err := input.ClientSecret(value); err != nil {
					return errField(keyClientSecret, err.Error())
				}
				c.ClientSecret = secret.New(value)
				return nil
			},
			reset: func(c, _ *config) { c.ClientSecret = secret.Text{} },
		},
		listField(keyScopes, "Scopes of the tokens, separated by spaces or commas or as a list, unless a role names others."+scopesRule,
			func(c *config) any { return c.Scopes.String() },
			func(c *config, list string) (err error) {
				c.Scopes, err = scopes.Parse(list)
				return err
			},
			func(c, defaults *config) { c.Scopes = defaults.Scopes }),
	}
}

func endpointFields() []configField {
	authority := textField(keyAuthority, "Base URL of Bentley's identity provider (IMS); QA is https://qa-ims.bentley.com."+
		" It must be https, or http to a loopback address, without user name, query or fragment."+destinationRule,
		func(c *config) *string { return &c.Authority }, ims.ParseAuthority)
	tokenURL := textField(keyTokenURL,
		"Token endpoint, with the same rules as authority; <authority>/connect/token unless set."+destinationRule,
		func(c *config) *string { return &c.TokenURL }, ims.ParseTokenURL)
	tokenURL.show = func(c *config) any { return c.tokenURL() }
	apiURL := textField(keyAPIURL, "Base URL of the iTwin Platform, with the same rules as authority; QA is https://qa-api.bentley.com."+
		" Only check uses it."+destinationRule,
		func(c *config) *string { return &c.APIURL }, platform.ParseAPIURL)
	return []configField{authority, tokenURL, apiURL}
}

func requestFields() []configField {
	caCert := textField(keyCACert, "PEM certificates to trust instead of the system's roots, 256 KiB at most;"+
		" ca_cert=@ca.pem reads them from a file."+destinationRule,
		func(c *config) *string { return &c.CACert }, parseCACert)
	caCert.rule.File = true
	return []configField{
		choiceField(keyAuthMethod,
			"How the credentials are sent: in the body (client_secret_post) or the Authorization header (client_secret_basic).",
			func(c *config) *string { return (*string)(&c.AuthMethod) }, string(ims.AuthPost), string(ims.AuthBasic)),
		durationField(keyRequestTimeout, "Time limit for one request to IMS.",
			func(c *config) *time.Duration { return &c.RequestTimeout }, minRequestTimeout, maxRequestTimeout),
		caCert,
		choiceField(keyTLSMinVersion, "Minimum TLS version: tls12 or tls13. Lowering it requires client_secret in the same write.",
			func(c *config) *string { return &c.TLSMinVersion }, outbound.TLS12, outbound.TLS13),
	}
}

func tokenFields() []configField {
	return []configField{
		durationField(keyRenewBefore, "How long before its expiry a token is renewed, at most half its lifetime.",
			func(c *config) *time.Duration { return &c.RenewBefore }, time.Second, maxRenewBefore),
		{
			name: keyPersistTokens,
			schema: framework.FieldSchema{
				Type: framework.TypeBool, Default: true,
				Description: "Keep tokens in Vault's encrypted storage, so that they survive a restart or a change of leader." +
					" False keeps them in memory only. Default: true.",
			},
			set: func(c *config, v any) error {
				c.PersistTokens, _ = v.(bool)
				return nil
			},
			reset: func(c, defaults *config) { c.PersistTokens = defaults.PersistTokens },
			show:  func(c *config) any { return c.PersistTokens },
		},
		listField(keyAllowedRoles, "Names of the roles that may use this app, separated by commas or as a list;"+
			" * matches any characters. The paths without a role are always allowed.",
			func(c *config) any { return strings.Join(c.AllowedRoles, ",") },
			func(c *config, list string) (err error) {
				c.AllowedRoles, err = parseAllowedRoles(list)
				return err
			},
			func(c, defaults *config) { c.AllowedRoles = defaults.AllowedRoles }),
	}
}

// textField returns a string field. at returns where a config holds it, and parse
// returns its canonical form.
func textField(name, description string, at func(*config) *string, parse func(string) (string, error)) configField {
	f := configField{
		name:   name,
		schema: framework.FieldSchema{Type: framework.TypeString, Description: description},
		set: func(c *config, v any) error {
			text, _ := v.(string)
			value, err := parse(text)
			if err != nil {
				return errField(name, err.Error())
			}
			*at(c) = value
			return nil
		},
		reset: func(c, defaults *config) { *at(c) = *at(defaults) },
		show:  func(c *config) any { return *at(c) },
	}
	if value := *at(defaultConfig()); value != "" {
		f.schema.Default = value
		f.schema.Description += " Default: " + value + "."
	}
	return f
}

// choiceField returns a string field that takes only the allowed values.
func choiceField(name, description string, at func(*config) *string, allowed ...string) configField {
	f := textField(name, description, at, func(value string) (string, error) {
		if slices.Contains(allowed, value) {
			return value, nil
		}
		return "", errors.New("must be " + strings.Join(allowed, " or "))
	})
	for _, value := range allowed {
		f.schema.AllowedValues = append(f.schema.AllowedValues, value)
	}
	return f
}

// listField returns a list field, which is set from one comma-separated string.
func listField(name, description string, show func(*config) any,
	set func(c *config, list string) error, reset func(c, defaults *config),
) configField {
	standard, _ := show(defaultConfig()).(string)
	return configField{
		name: name,
		schema: framework.FieldSchema{
			// OpenAPI documents type it as a list, so the default must be a list, too.
			Type: framework.TypeCommaStringSlice, Default: []string{standard},
			Description: description + " Default: " + standard + ".",
		},
		rule: input.Text{List: true},
		set: func(c *config, v any) error {
			if err := set(c, commaText(v)); err != nil {
				return errField(name, err.Error())
			}
			return nil
		},
		reset: reset,
		show:  show,
	}
}

// commaText joins a list with commas, and returns a string unchanged.
func commaText(value any) string {
	if list, ok := value.([]string); ok {
		return strings.Join(list, ",")
	}
	text, _ := value.(string)
	return text
}

// durationField returns a duration field, which is shown in seconds.
func durationField(name, description string, at func(*config) *time.Duration, least, most time.Duration) configField {
	standard := short(*at(defaultConfig()))
	return configField{
		name: name,
		schema: framework.FieldSchema{
			// OpenAPI documents type durations as strings, so the default must be a string, too.
			Type: framework.TypeDurationSecond, Default: standard,
			Description: description + " From " + short(least) + " to " + short(most) + ". Default: " + standard + ".",
		},
		set: func(c *config, v any) error {
			seconds, _ := v.(int)
			if seconds < int(least/time.Second) || seconds > int(most/time.Second) {
				return errField(name, "must be from "+short(least)+" to "+short(most))
			}
			*at(c) = time.Duration(seconds) * time.Second
			return nil
		},
		reset: func(c, defaults *config) { *at(c) = *at(defaults) },
		show:  func(c *config) any { return int64(*at(c) / time.Second) },
	}
}

func parseCACert(value string) (string, error) {
	if len(value) > maxCACert {
		return "", errors.New("is longer than 256 KiB: give only the certificates of the CA that signed IMS's certificate, ca_cert=@ca.pem")
	}
	if _, err := outbound.ParseCACert(value); err != nil {
		return "", err
	}
	return value, nil
}

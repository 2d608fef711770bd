package itwin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/input"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	configStorageKey = "config"
	configPrefix     = "config/"

	// configFormat is the format of stored configs. It increases when an older version of
	// the plugin would misread an entry: one that reads format 1 ignores allowed_roles.
	configFormat = 2

	defaultAuthority = "https://ims.bentley.com"
	defaultAPIURL    = "https://api.bentley.com"
	defaultScopes    = "itwin-platform"
	anyRole          = "*"

	defaultRenewBefore    = 30 * time.Minute
	maxRenewBefore        = 24 * time.Hour
	defaultRequestTimeout = 10 * time.Second
	minRequestTimeout     = time.Second
	maxRequestTimeout     = 30 * time.Second
)

// Errors for stored configs that can't be used. Writing the config in full replaces it.
var (
	errDamagedConfig = errors.New("the stored config is damaged: write it again in full, with client_id and client_secret")
	errNewerConfig   = errors.New("the stored config was written by a newer version of this plugin: upgrade the plugin," +
		" or write the config again in full, with client_id and client_secret")
)

// config is one service app: its credentials and how it talks to IMS.
type config struct {
	ClientID          string         `json:"client_id"`
	ClientSecret      secret.Text    `json:"-"`
	ClientSecretSetAt time.Time      `json:"client_secret_set_at"`
	Authority         string         `json:"authority"`
	TokenURL          string         `json:"token_url"` // empty: <authority>/connect/token
	APIURL            string         `json:"api_url"`
	Scopes            scopes.Set     `json:"-"`
	AuthMethod        ims.AuthMethod `json:"auth_method"`
	RenewBefore       time.Duration  `json:"renew_before"`
	RequestTimeout    time.Duration  `json:"request_timeout"`
	CACert            string         `json:"ca_cert"`
	TLSMinVersion     string         `json:"tls_min_version"`
	PersistTokens     bool           `json:"persist_tokens"`
	AllowedRoles      []string       `json:"allowed_roles"` // with * for any characters

	// Written holds fields as they were written, a string or a list of strings, if that
	// isn't their canonical form. A read shows it, so that tools such as Terraform see no
	// change; nothing else uses it.
	Written map[string]any `json:"written,omitempty"`

	// Generation changes with the identity or the secret; each token belongs to one.
	Generation string `json:"generation"`
}

// storedConfig is the only form in which the secret is serialized.
type storedConfig struct {
	config
	Format       int    `json:"format"`
	ClientSecret string `json:"client_secret"`
	Scopes       string `json:"scopes"`
}

func defaultConfig() *config {
	return &config{
		Authority:      defaultAuthority,
		APIURL:         defaultAPIURL,
		Scopes:         scopes.Granted(defaultScopes),
		AuthMethod:     ims.AuthPost,
		RenewBefore:    defaultRenewBefore,
		RequestTimeout: defaultRequestTimeout,
		TLSMinVersion:  outbound.TLS12,
		PersistTokens:  true,
		AllowedRoles:   []string{anyRole},
	}
}

// tokenURL is where the secret is sent.
func (c *config) tokenURL() string {
	if c.TokenURL != "" {
		return c.TokenURL
	}
	return ims.TokenURL(c.Authority)
}

// change sets a field to a value that checkFields has normalized. An empty value means
// the default.
func (c *config) change(f configField, value any) error {
	delete(c.Written, f.name)
	text, isText := value.(string)
	if value == nil || isText && input.Line(text) == "" {
		defaults := defaultConfig()
		f.reset(c, defaults)
		if isText && f.schema.Default == nil {
			c.keepWritten(f, "") // without a default to show, the empty value reads back
		}
		return nil
	}
	if err := f.set(c, value); err != nil {
		return err
	}
	c.keepWritten(f, value)
	return nil
}

func (c *config) keepWritten(f configField, value any) {
	isText := f.schema.Type == framework.TypeString || f.schema.Type == framework.TypeCommaStringSlice
	if text, ok := value.(string); f.show == nil || !isText || ok && text == f.show(c) {
		return
	}
	if c.Written == nil {
		c.Written = make(map[string]any)
	}
	c.Written[f.name] = value
}

// shown returns the fields as they read back.
func (c *config) shown() map[string]any {
	data := make(map[string]any)
	for _, f := range configFields() {
		if f.show == nil {
			continue
		}
		data[f.name] = f.show(c)
		if written, ok := c.Written[f.name]; ok {
			data[f.name] = written
		}
	}
	return data
}

// normalize lets a token_url that only repeats the default follow the authority:
// tools write back what they have read.
func (c *config) normalize() {
	if c.TokenURL == ims.TokenURL(c.Authority) {
		c.TokenURL = ""
	}
}

// validate checks that the required fields are set.
func (c *config) validate() error {
	switch {
	case c.ClientID == "":
		return errField(keyClientID, "is missing: give the id of a service app registered in My Apps, client_id=service-…")
	case c.ClientSecret.IsZero():
		return errField(keyClientSecret, "is missing: give the secret that My Apps showed when the app was registered, client_secret=…")
	}
	return nil
}

// checkDestination refuses to send a stored secret or a token somewhere else. An
// operator who may write the config need not know the secret, and must not learn it
// this way. check sends a token to api_url.
func (c *config) checkDestination(previous *config, secretGiven bool) error {
	var changed string
	what := "the secret is"
	switch {
	case secretGiven || previous == nil:
		return nil
	case c.Authority != previous.Authority:
		changed = keyAuthority
	case c.tokenURL() != previous.tokenURL():
		changed = keyTokenURL
	case c.APIURL != previous.APIURL:
		changed, what = keyAPIURL, "tokens are"
	case strings.TrimSpace(c.CACert) != strings.TrimSpace(previous.CACert):
		changed = keyCACert
	case c.TLSMinVersion < previous.TLSMinVersion:
		changed = keyTLSMinVersion
	default:
		return nil
	}
	return errInput("changing %s changes where %s sent: give client_secret=… again in the same write", changed, what)
}

// sameIdentity reports whether tokens minted for previous are valid for c as well.
func (c *config) sameIdentity(previous *config) bool {
	return previous != nil && c.ClientID == previous.ClientID && c.ClientSecret.Equal(previous.ClientSecret) &&
		c.Authority == previous.Authority && c.tokenURL() == previous.tokenURL()
}

// sameExchange reports whether c and other request tokens in the same way, so that
// verifying one verifies the other.
func (c *config) sameExchange(other *config) bool {
	return c.sameIdentity(other) && c.AuthMethod == other.AuthMethod && c.Scopes == other.Scopes &&
		c.RequestTimeout == other.RequestTimeout && c.CACert == other.CACert && c.TLSMinVersion == other.TLSMinVersion
}

// isUnusable reports whether a config is stored that can't be used.
func isUnusable(err error) bool {
	_, hostRefused := errors.AsType[hostsError](err)
	return hostRefused || errors.Is(err, errDamagedConfig) || errors.Is(err, errNewerConfig)
}

func configKey(app string) string {
	if app == "" {
		return configStorageKey
	}
	return configPrefix + app
}

// loadConfig returns nil if the app isn't configured.
func loadConfig(ctx context.Context, s logical.Storage, app string) (*config, error) {
	entry, err := s.Get(ctx, configKey(app))
	if err != nil {
		return nil, fmt.Errorf("reading config: %w", err)
	}
	if entry == nil {
		return nil, nil // absence isn't an error in Vault's storage
	}
	return decodeConfig(entry)
}

func decodeConfig(entry *logical.StorageEntry) (*config, error) {
	stored := storedConfig{config: *defaultConfig(), Scopes: defaultScopes}
	if err := entry.DecodeJSON(&stored); err != nil {
		return nil, errDamagedConfig
	}
	if stored.Format > configFormat {
		return nil, errNewerConfig
	}
	c := &stored.config
	c.ClientSecret = secret.New(stored.ClientSecret)
	var err error
	if c.Scopes, err = scopes.Parse(stored.Scopes); err != nil {
		return nil, errDamagedConfig
	}
	if stored.Format < configFormat { // format 1 kept the scopes in the order they were written
		c.Written = map[string]any{keyScopes: stored.Scopes}
	}
	if c.validate() != nil || c.Generation == "" || !c.obeysRules() {
		return nil, errDamagedConfig
	}
	return c, nil
}

// obeysRules reports whether every field holds a value that a write would accept: an
// entry can be valid JSON and still not be a valid config. It drops from Written what
// doesn't match the field's value.
func (c *config) obeysRules() bool {
	written := c.Written
	c.Written = nil
	for _, f := range configFields() {
		if f.show == nil {
			continue
		}
		value := f.show(c)
		if seconds, ok := value.(int64); ok {
			value = int(seconds)
		}
		probe := *c
		if optional := value == "" && f.schema.Default == nil; !optional && f.set(&probe, value) != nil {
			return false
		}
		probe.Written = nil
		given, err := f.rule.Read(written[f.name])
		if err == nil && probe.change(f, given) == nil && f.show(&probe) == f.show(c) {
			c.keepWritten(f, given)
		}
	}
	return true
}

func storeConfig(ctx context.Context, s logical.Storage, app string, c *config) error {
	entry, err := logical.StorageEntryJSON(configKey(app), storedConfig{
		config: *c, Format: configFormat, ClientSecret: c.ClientSecret.Reveal(), Scopes: c.Scopes.String(),
	})
	if err != nil {
		return fmt.Errorf("encoding config: %w", err)
	}
	entry.SealWrap = true
	if err := s.Put(ctx, entry); err != nil {
		return fmt.Errorf("writing config: %w", err)
	}
	return nil
}

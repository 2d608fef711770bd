package itwin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	configStorageKey = "config"
	configPrefix     = "config/"

	// configFormat is the format of stored configs. It grows when an older engine
	// would misread an entry.
	configFormat = 1

	defaultAuthority = "https://ims.bentley.com"
	defaultAPIURL    = "https://api.bentley.com"
	defaultScopes    = "itwin-platform"
	tokenEndpoint    = "/connect/token"

	defaultRenewBefore    = 30 * time.Minute
	maxRenewBefore        = 24 * time.Hour
	defaultRequestTimeout = 10 * time.Second
	minRequestTimeout     = time.Second
	maxRequestTimeout     = 30 * time.Second
)

// Stored configs that can't be used. Writing one in full replaces it.
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
	TokenURL          string         `json:"token_url"` // empty: below the authority
	APIURL            string         `json:"api_url"`
	Scopes            string         `json:"scopes"`
	AuthMethod        ims.AuthMethod `json:"auth_method"`
	RenewBefore       time.Duration  `json:"renew_before"`
	RequestTimeout    time.Duration  `json:"request_timeout"`
	CACert            string         `json:"ca_cert"`
	TLSMinVersion     string         `json:"tls_min_version"`
	PersistTokens     bool           `json:"persist_tokens"`

	// Generation is new with each identity or secret; tokens belong to one.
	Generation string `json:"generation"`
}

// storedConfig is the one form in which the secret is written out.
type storedConfig struct {
	config
	Format       int    `json:"format"`
	ClientSecret string `json:"client_secret"`
}

func defaultConfig() *config {
	return &config{
		Authority:      defaultAuthority,
		APIURL:         defaultAPIURL,
		Scopes:         defaultScopes,
		AuthMethod:     ims.AuthPost,
		RenewBefore:    defaultRenewBefore,
		RequestTimeout: defaultRequestTimeout,
		TLSMinVersion:  outbound.TLS12,
		PersistTokens:  true,
	}
}

// tokenURL is where the secret is sent.
func (c *config) tokenURL() string {
	if c.TokenURL != "" {
		return c.TokenURL
	}
	return c.Authority + tokenEndpoint
}

// normalize lets a token_url that only repeats the default follow the authority:
// tools write back what they have read.
func (c *config) normalize() {
	if c.TokenURL == c.Authority+tokenEndpoint {
		c.TokenURL = ""
	}
}

// validate checks what no single field's rule can.
func (c *config) validate() error {
	switch {
	case c.ClientID == "":
		return errField(keyClientID, "is missing: give the id of a service app registered in My Apps, client_id=service-…")
	case c.ClientSecret.IsZero():
		return errField(keyClientSecret, "is missing: give the secret that My Apps showed when the app was registered, client_secret=…")
	}
	return nil
}

// checkDestination refuses to send a stored secret, or a token, elsewhere:
// whoever may write the config need not know the secret, and must not come to
// know it or what it is good for. A check sends a token to the api_url.
func (c *config) checkDestination(old *config, secretGiven bool) error {
	var changed string
	what := "the secret is"
	switch {
	case secretGiven || old == nil:
		return nil
	case c.Authority != old.Authority:
		changed = keyAuthority
	case c.tokenURL() != old.tokenURL():
		changed = keyTokenURL
	case c.APIURL != old.APIURL:
		changed, what = keyAPIURL, "tokens are"
	case c.CACert != old.CACert:
		changed = keyCACert
	case c.TLSMinVersion < old.TLSMinVersion:
		changed = keyTLSMinVersion
	default:
		return nil
	}
	return errInput("changing %s changes where %s sent: give client_secret=… again in the same write", changed, what)
}

// sameIdentity says whether tokens minted for old are good for c as well.
func (c *config) sameIdentity(old *config) bool {
	return old != nil && c.ClientID == old.ClientID && c.ClientSecret.Equal(old.ClientSecret) &&
		c.Authority == old.Authority && c.tokenURL() == old.tokenURL()
}

// isUnusable says whether a config is stored that can't be used.
func isUnusable(err error) bool {
	return errors.Is(err, errDamagedConfig) || errors.Is(err, errNewerConfig)
}

// scopeKey is the canonical form of scopes: their order means nothing (RFC 6749,
// section 3.3), so tokens are shared, and asked for, in sorted order.
func scopeKey(scopes string) string {
	fields := strings.Fields(scopes)
	slices.Sort(fields)
	return strings.Join(fields, " ")
}

func configKey(app string) string {
	if app == "" {
		return configStorageKey
	}
	return configPrefix + app
}

// loadConfig returns nil where the app isn't configured.
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
	stored := storedConfig{config: *defaultConfig()}
	if err := entry.DecodeJSON(&stored); err != nil {
		return nil, errDamagedConfig
	}
	if stored.Format > configFormat {
		return nil, errNewerConfig
	}
	c := stored.config
	c.ClientSecret = secret.New(stored.ClientSecret)
	if c.validate() != nil || c.Generation == "" || !c.obeysRules() {
		return nil, errDamagedConfig
	}
	return &c, nil
}

// obeysRules says whether every field holds what a write could have put there: an
// entry can be whole JSON and still not make an app.
func (c *config) obeysRules() bool {
	probe := *c
	for _, f := range configFields() {
		if f.show == nil {
			continue
		}
		value := f.show(c)
		if seconds, ok := value.(int64); ok {
			value = int(seconds)
		}
		if f.set(&probe, value) != nil {
			return false
		}
	}
	return true
}

func storeConfig(ctx context.Context, s logical.Storage, app string, c *config) error {
	entry, err := logical.StorageEntryJSON(configKey(app), storedConfig{
		config: *c, Format: configFormat, ClientSecret: c.ClientSecret.Reveal(),
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

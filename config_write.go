package itwin

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/input"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// maxVerifications is how many config writes of one app may ask IMS at a time. They
// don't count against the exchanges for readers, nor against checks.
const maxVerifications = 2

// roundedLifetime makes a lifetime of 3599 seconds, which IMS also issues, count as an hour.
const roundedLifetime = time.Second

// configWrite is one write of a config. It holds no lock while it waits for IMS, so the
// stored config may change in the meantime.
type configWrite struct {
	app      string
	mount    string
	patch    bool
	given    map[string]any // normalized by checkFields
	previous *config        // nil if none was stored
	next     *config
	first    *tokens.Grant // from the exchange that verified next; nil without one
}

func newConfigWrite(req *logical.Request, d *framework.FieldData) *configWrite {
	return &configWrite{
		app: appName(d), mount: req.MountPoint, patch: req.Operation == logical.PatchOperation, given: d.Raw,
	}
}

// isGiven reports whether the write has a value for the field, not null or empty.
func (w *configWrite) isGiven(name string) bool { return w.given[name] != nil && w.given[name] != "" }

// build sets next to the stored config, changed by the write's fields.
func (b *backend) build(ctx context.Context, s logical.Storage, w *configWrite) error {
	var err error
	if w.previous, err = w.load(ctx, s); err != nil {
		return err
	}
	w.next = defaultConfig()
	if w.previous != nil {
		copied := *w.previous
		copied.Written = maps.Clone(copied.Written)
		w.next = &copied
	}
	if err := w.apply(); err != nil {
		return err
	}
	if err := b.checkHosts(w.next); err != nil {
		return err
	}
	return b.stamp(w.next, w.previous)
}

// load returns the stored config, or nil if there is none. A write that gives both
// credentials replaces a config that can't be used.
func (w *configWrite) load(ctx context.Context, s logical.Storage) (*config, error) {
	stored, err := loadConfig(ctx, s, w.app)
	switch {
	case isUnusable(err) && w.isGiven(keyClientID) && w.isGiven(keyClientSecret) && !w.patch:
		return nil, nil // as if there were none
	case err != nil:
		return nil, err
	case stored == nil && w.patch:
		return nil, errInput("%s isn't configured yet, so there is nothing to patch: run `vault write %s%s client_id=… client_secret=…`",
			describeApp(w.app), w.mount, configKey(w.app))
	}
	return stored, nil
}

func (w *configWrite) apply() error {
	for _, f := range configFields() {
		value, given := w.given[f.name]
		if !given {
			continue
		}
		if err := w.next.change(f, value); err != nil {
			return err
		}
	}
	w.next.normalize()
	if err := w.next.validate(); err != nil {
		return err
	}
	if w.isGiven(keyClientSecret) && w.next.ClientSecret.Equal(secret.New(w.next.ClientID)) {
		return errField(keyClientSecret, "is the same as client_id: give the secret that My Apps showed, client_secret=…")
	}
	return w.next.checkDestination(w.previous, w.isGiven(keyClientSecret))
}

// hostsError reports a host in a config that the plugin's registration doesn't allow.
type hostsError string

func (e hostsError) Error() string { return string(e) }

// checkHosts refuses hosts that the plugin's registration doesn't allow, in a new config
// as well as in one that was stored earlier.
func (b *backend) checkHosts(c *config) error {
	if b.hostsErr != nil {
		return hostsError(fmt.Sprintf("the variable %[1]s that the plugin was registered with %[2]v: an administrator of the"+
			" plugin catalog can register it again with -env=%[1]s=…", allowedHostsVariable, b.hostsErr))
	}
	for _, endpoint := range []struct{ field, address string }{
		{keyAuthority, c.Authority}, {keyTokenURL, c.tokenURL()}, {keyAPIURL, c.APIURL},
	} {
		if err := b.allowedHosts.Check(endpoint.address); err != nil {
			return hostsError(fmt.Sprintf("%s is refused: %v; an administrator of the plugin catalog can do that", endpoint.field, err))
		}
	}
	return nil
}

// stamp records when the secret changed, and starts a new generation if the secret or
// the identity did.
func (b *backend) stamp(next, previous *config) error {
	if previous == nil || !next.ClientSecret.Equal(previous.ClientSecret) {
		next.ClientSecretSetAt = b.now().UTC().Truncate(time.Second)
	}
	if next.sameIdentity(previous) {
		return nil
	}
	generation, err := uuid.GenerateUUID()
	if err != nil {
		return fmt.Errorf("creating a generation: %w", err)
	}
	next.Generation = generation
	return nil
}

// verify makes a real exchange with the new config, unless verify=false. It takes
// one of the exchanges that config writes of an app may make at a time.
func (b *backend) verify(ctx context.Context, client *ims.Client, w *configWrite) error {
	if w.given[keyVerify] == false {
		return nil
	}
	done, ok := b.verifications.TryAcquire(w.app)
	if !ok {
		return &busyError{what: "config writes", app: w.app, limit: w.next.RequestTimeout}
	}
	defer done()
	begun := time.Now()
	grant, err := client.Exchange(ctx, w.next.Scopes)
	if err != nil {
		return &unverifiedError{err: err, refused: w.next, replaces: w.previous != nil}
	}
	b.metrics.exchanged(w.app, nil, time.Since(begun)) // not earlier, as the label of a rejected app would remain
	first := granted(grant)
	w.first = &first
	return nil
}

// store builds the config again from what is stored now, and stores it if it requests
// tokens exactly as verified. The caller holds the app's lock.
func (b *backend) store(ctx context.Context, s logical.Storage, w *configWrite) error {
	verified, existed := w.next, w.previous != nil
	err := b.build(ctx, s, w)
	// If the config was deleted, build fails for a write that omits a required field.
	deleted := existed && w.previous == nil && (err == nil || isInput(err))
	switch {
	case deleted, err == nil && !w.next.sameExchange(verified):
		return errInput("another write or delete changed the config in the meantime, so nothing was stored:"+
			" run `vault read %s%s` and write again", w.mount, configKey(w.app))
	case err != nil:
		return err
	}
	return storeConfig(ctx, s, w.app, w.next)
}

// warnings describes what is unusual about a config that was stored anyway.
func (w *configWrite) warnings() *logical.Response {
	resp := &logical.Response{}
	warn := func(format string, args ...any) { resp.AddWarning(fmt.Sprintf(format, args...)) }
	c := w.next
	if prefix := otherAppType(c.ClientID); prefix != "" {
		warn("client_id starts with %s, so it is not a service app:"+
			" register an app of type Service in My Apps.", prefix)
	}
	if text := c.secretWarning(); text != "" && w.isGiven(keyClientSecret) {
		warn("%s.", text)
	}
	if text := environmentWarning(c, w.mount+configKey(w.app)); text != "" {
		warn("%s", text)
	}
	if w.first == nil {
		warn("The config was stored without verifying it with IMS: run `vault read %scheck` to see whether it works.", w.mount)
		return resp
	}
	if text := missingScopes(c.Scopes, w.first.Granted); text != "" {
		warn("%s", text)
	}
	if c.RenewBefore > w.first.Lifetime/2+roundedLifetime {
		warn("renew_before is %s, but IMS issues tokens for %s: half of that, %s, is used instead.",
			short(c.RenewBefore), short(w.first.Lifetime), short(w.first.Lifetime/2))
	}
	if len(resp.Warnings) == 0 {
		return nil
	}
	return resp
}

func (c *config) secretWarning() string {
	warning := input.SecretWarning(c.ClientSecret.Reveal())
	if warning == "" {
		return ""
	}
	return "client_secret " + warning
}

// environment is one of Bentley's. Its Platform refuses tokens from another's IMS.
type environment struct{ name, authority, apiURL string }

// environmentOf returns the zero value for a host that isn't Bentley's. The dev API
// accepts tokens from QA.
func environmentOf(endpoint string) environment {
	u, err := url.Parse(endpoint)
	if err != nil {
		return environment{}
	}
	switch u.Hostname() {
	case "ims.bentley.com", "api.bentley.com":
		return environment{"production", defaultAuthority, defaultAPIURL}
	case "qa-ims.bentley.com", "qa-api.bentley.com", "dev-api.bentley.com":
		return environment{"QA", "https://qa-ims.bentley.com", "https://qa-api.bentley.com"}
	}
	return environment{}
}

// environmentWarning describes an authority whose tokens the Platform at api_url
// refuses, or returns "". path is the config's path, including the mount.
func environmentWarning(c *config, path string) string {
	if older := ims.AuthorityWarning(c.Authority); older != "" {
		return fmt.Sprintf("%s. To change it, run `vault write %s authority=… client_secret=…`.", older, path)
	}
	from, api := environmentOf(c.Authority), environmentOf(c.APIURL)
	if from.name == "" || api.name == "" || from == api {
		return ""
	}
	return fmt.Sprintf("authority is %[2]s but api_url is %[3]s, which rejects %[2]s tokens, so check will fail: run `vault write"+
		" %[1]s api_url=%[4]s client_secret=…`, or with authority=%[5]s if the app is in %[3]s.",
		path, from.name, api.name, from.apiURL, api.authority)
}

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
	"vault-plugin-secrets-itwin/internal/tokens"
)

// roundedLifetime lets tokens of 3599 seconds, which IMS issues too, pass for an hour.
const roundedLifetime = time.Second

// configWrite is one write on its way into storage. It waits for IMS without a lock,
// so that nothing else waits with it: what it builds on may change meanwhile.
type configWrite struct {
	app      string
	mount    string
	patch    bool
	given    map[string]any // as checkFields left it
	previous *config        // nil if there was none to build on
	next     *config
	first    *tokens.Grant // of the exchange that verified next; nil without one
}

func newConfigWrite(req *logical.Request, d *framework.FieldData) *configWrite {
	return &configWrite{
		app: appName(d), mount: req.MountPoint, patch: req.Operation == logical.PatchOperation, given: d.Raw,
	}
}

// isGiven reports whether the write has a value for the field, not just null.
func (w *configWrite) isGiven(name string) bool { return w.given[name] != nil && w.given[name] != "" }

// build sets next to what the write makes of what is stored.
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

// load returns nil if there is nothing to build on. A config that can't be read is
// replaced by a write that gives the credentials anew.
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
	if w.isGiven(keyClientSecret) && w.next.ClientSecret.Reveal() == w.next.ClientID {
		return errField(keyClientSecret, "is the same as client_id: give the secret that My Apps showed, client_secret=…")
	}
	return w.next.checkDestination(w.previous, w.isGiven(keyClientSecret))
}

// hostsError is a config that names a host which the registration doesn't allow.
type hostsError string

func (e hostsError) Error() string { return string(e) }

// checkHosts refuses hosts that the plugin's registration doesn't allow, in a config
// to be written or stored earlier.
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

// stamp dates the secret and begins a new generation, if either changed.
func (b *backend) stamp(next, previous *config) error {
	if previous == nil || !next.ClientSecret.Equal(previous.ClientSecret) {
		next.ClientSecretSetAt = b.now().UTC().Truncate(time.Second)
	}
	if next.sameIdentity(previous) {
		return nil
	}
	generation, err := uuid.GenerateUUID()
	if err != nil {
		return fmt.Errorf("beginning a generation: %w", err)
	}
	next.Generation = generation
	return nil
}

// verify makes a real exchange with the new config, unless verify=false. It takes
// one of the two exchanges that checks of an app may make at a time.
func (b *backend) verify(ctx context.Context, client *ims.Client, w *configWrite) error {
	if w.given[keyVerify] == false {
		return nil
	}
	done, ok := b.checks.TryAcquire(w.app)
	if !ok {
		return &busyError{app: w.app, limit: w.next.RequestTimeout}
	}
	defer done()
	begun := time.Now()
	grant, err := client.Exchange(ctx, w.next.Scopes)
	if err != nil {
		return &unverifiedError{err: err, refused: w.next, replaces: w.previous != nil}
	}
	b.metrics.exchanged(w.app, nil, time.Since(begun)) // only now: the label of an app that is refused would stay
	first := granted(grant)
	w.first = &first
	return nil
}

// store builds the config again on what is stored now, and stores it if it asks IMS
// for tokens in the way that was verified. The app's lock is held.
func (b *backend) store(ctx context.Context, s logical.Storage, w *configWrite) error {
	verified, existed := w.next, w.previous != nil
	err := b.build(ctx, s, w)
	// What a write leaves out it can't take from a config that is gone: then build fails.
	deleted := existed && w.previous == nil && (err == nil || isInput(err))
	switch {
	case deleted, err == nil && !w.next.sameExchange(verified):
		return errInput("the config was changed by another write or delete meanwhile, so nothing was stored:"+
			" run `vault read %s%s` and write again", w.mount, configKey(w.app))
	case err != nil:
		return err
	}
	return storeConfig(ctx, s, w.app, w.next)
}

// warnings describe what is unusual and was stored all the same.
func (w *configWrite) warnings() *logical.Response {
	resp := &logical.Response{}
	warn := func(format string, args ...any) { resp.AddWarning(fmt.Sprintf(format, args...)) }
	c := w.next
	if prefix := otherAppType(c.ClientID); prefix != "" {
		warn("client_id starts with %s: that is not a service app."+
			" Tokens for services need an app of the type Service in My Apps.", prefix)
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
		warn("renew_before is %s, but IMS's tokens live %s: half of that, %s, is used instead.",
			short(c.RenewBefore), short(w.first.Lifetime), short(w.first.Lifetime/2))
	}
	if len(resp.Warnings) == 0 {
		return nil
	}
	return resp
}

func (c *config) secretWarning() string {
	oddity := input.SecretOddity(c.ClientSecret.Reveal())
	if oddity == "" {
		return ""
	}
	return "client_secret " + oddity
}

// environment is one of Bentley's. Its Platform refuses tokens of another's IMS.
type environment struct{ name, authority, apiURL string }

// environmentOf returns no name for a host that isn't Bentley's. The developers' API
// takes the tokens of QA.
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
// refuses, or returns "". path is the config's, with the mount.
func environmentWarning(c *config, path string) string {
	if older := ims.AuthorityWarning(c.Authority); older != "" {
		return fmt.Sprintf("%s. To change it, run `vault write %s authority=… client_secret=…`.", older, path)
	}
	from, api := environmentOf(c.Authority), environmentOf(c.APIURL)
	if from.name == "" || api.name == "" || from == api {
		return ""
	}
	return fmt.Sprintf("authority is in %[2]s and api_url in %[3]s, which refuses tokens from %[2]s, so check fails: run `vault write"+
		" %[1]s api_url=%[4]s client_secret=…`, or with authority=%[5]s if the app is in %[3]s.",
		path, from.name, api.name, from.apiURL, api.authority)
}

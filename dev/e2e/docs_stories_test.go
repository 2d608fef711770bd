package e2e

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// The situations that take more than one step.

func asNobody(t *testing.T, d *desk) string {
	t.Helper()
	_, err := d.server.Client(t, "hvs.nobody").Logical().Read("itwin/token")
	return told(t, err)
}

func withoutConfig(t *testing.T, d *desk) string {
	t.Helper()
	d.mustDelete("itwin/config")
	defer d.configure(nil)
	return refusedRead("itwin/token", nil)(t, d)
}

func ofAnAppThatIsGone(t *testing.T, d *desk) string {
	t.Helper()
	d.mustWrite("itwin/role/survey", fields{"app": "survey"})
	text := refusedRead("itwin/token/survey", nil)(t, d)
	d.mustWrite("itwin/config/survey", app(d.ims, nil))
	return text
}

func configuredForABrowser(_ *testing.T, d *desk) string {
	return d.mustWrite("itwin/config/browser", app(d.ims, fields{"client_id": "spa-e2e", "verify": false})).Warnings[0]
}

func checkedDuringAPause(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, fields{"verify": false}))
	d.ims.Fault(emulator.Fault{RetryAfter: time.Minute})
	defer d.ims.Heal()
	refusedRead(path+"/token", nil)(t, d)
	return check(t, d, path+"/check", nil)
}

// checkedTooOften makes one check more than may run at a time, while IMS is slow.
func checkedTooOften(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, fields{"verify": false}))
	d.ims.Fault(emulator.Fault{Delay: 2 * time.Second})
	defer d.ims.Heal()
	refused := make(chan error, 3)
	var checks sync.WaitGroup
	for range cap(refused) {
		checks.Go(func() {
			if _, err := d.root.Logical().Read(path + "/check"); err != nil {
				refused <- err
			}
		})
	}
	checks.Wait()
	require.Len(t, refused, 1)
	return told(t, <-refused)
}

func overQuota(t *testing.T, d *desk) string {
	t.Helper()
	d.mustWrite("sys/quotas/rate-limit/small", fields{"path": "itwin/token*", "rate": 1, "interval": "60s"})
	defer d.mustDelete("sys/quotas/rate-limit/small")
	d.mustToken("itwin/token")
	return refusedRead("itwin/token", nil)(t, d)
}

// byProxy runs the plugin with a proxy in its environment, and asks for a token that way. The proxy, not IMS, answers.
func byProxy(t *testing.T, d *desk, name, proxy string) string {
	t.Helper()
	output, err := d.bash(register + " -version=vX.Y.Z -command=" + d.plugin.Name + " -env=HTTPS_PROXY=" + proxy + " secret " + name)
	require.NoError(t, err, output)
	vaulttest.Mount(t, d.root, vaulttest.Plugin{Name: name, Version: d.plugin.Version}, name)
	return refusedWrite(name+"/config", fields{"client_id": clientID, "client_secret": clientSecret})(t, d)
}

func throughAProxyThatRefuses(t *testing.T, d *desk) string {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	return byProxy(t, d, "itwin-refused", proxy.URL)
}

func throughAProxyThatIsAway(t *testing.T, d *desk) string {
	t.Helper()
	return byProxy(t, d, "itwin-away", "http://127.0.0.1:1")
}

func withoutTheCA(t *testing.T, d *desk) string {
	t.Helper()
	ims, err := emulator.Start(emulator.Options{TLS: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	return refusedWrite("itwin/config/untrusted", app(ims, nil))(t, d)
}

func withoutTLS(t *testing.T, d *desk) string {
	t.Helper()
	plain := "https" + d.ims.URL()[len("http"):]
	return refusedWrite("itwin/config/plain", app(d.ims, fields{"authority": plain}))(t, d)
}

// withAnOldToken reads until the rotation of a token of 20 s has passed while IMS is down.
func withAnOldToken(t *testing.T, d *desk) string {
	t.Helper()
	ims := startIMS(t)
	ims.SetLifetime(20 * time.Second)
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(ims, nil))
	ims.Fault(emulator.Fault{Status: http.StatusServiceUnavailable})
	var warning string
	vaulttest.Wait(t, 20*time.Second, "a warning", func() error {
		secret, err := d.root.Logical().Read(path + "/token")
		switch {
		case err != nil:
			return err
		case len(secret.Warnings) == 0:
			return errors.New("there is none")
		}
		warning = secret.Warnings[0]
		return nil
	})
	return warning
}

// check returns what the check of an app says, and what to do.
func check(t *testing.T, d *desk, path string, query map[string][]string) string {
	t.Helper()
	secret, err := d.root.Logical().ReadWithData(path, query)
	require.NoError(t, err)
	require.Equal(t, false, secret.Data["ok"])
	return secret.Data["error"].(string) + "\n" + secret.Data["hint"].(string)
}

func checkingAnITwinOfOthers(t *testing.T, d *desk) string {
	t.Helper()
	return check(t, d, "itwin/check", map[string][]string{"itwin_id": {"6f0a8a3e-2b1c-4c1d-9a51-1d3c5f0e7b11"}})
}

func checkingAnotherPlatform(t *testing.T, d *desk) string {
	t.Helper()
	d.mustWrite("itwin/config/mixed", app(d.ims, fields{"api_url": d.qa.URL()}))
	d.mustWrite("itwin/role/mixed", fields{"app": "mixed"})
	return check(t, d, "itwin/check/mixed", nil)
}

func withoutBearer(t *testing.T, d *desk) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.ims.URL()+"/users/me", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", d.mustRead("itwin/token").Data["access_token"].(string))
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// introspect returns why a token isn't active.
func introspect(d *desk, token string) string {
	return d.mustWrite("itwin/introspect", fields{"token": token}).Data["reason"].(string)
}

func introspectingAnotherIssuers(t *testing.T, d *desk) string {
	t.Helper()
	token, err := d.ims.Sign(map[string]any{"iss": "https://qa-ims.bentley.com", "exp": time.Now().Add(time.Hour).Unix()})
	require.NoError(t, err)
	return introspect(d, token)
}

// introspectingAnotherKeys introspects a token of QA that says to be of IMS.
func introspectingAnotherKeys(t *testing.T, d *desk) string {
	t.Helper()
	token, err := d.qa.Sign(map[string]any{"iss": d.ims.URL(), "exp": time.Now().Add(time.Hour).Unix()})
	require.NoError(t, err)
	return introspect(d, token)
}

func introspectingWithoutKeys(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, fields{"authority": "http://127.0.0.1:1", "verify": false}))
	token, err := d.ims.Sign(map[string]any{"iss": "http://127.0.0.1:1"})
	require.NoError(t, err)
	return refusedWrite(path+"/introspect", fields{"token": token})(t, d)
}

func introspectingNone(_ *testing.T, d *desk) string { return introspect(d, d.root.Token()) }

// withStored puts a config into storage that no write has made.
func withStored(text string) situation { return withStoredAt("config", "token", text) }

// withStoredAt reads one path of an engine where a text was put into the storage of another.
func withStoredAt(stored, read, text string) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		path := mountAnother(t, d.in(t))
		id := d.mustRead("sys/mounts/" + path).Data["uuid"].(string)
		d.mustWrite("sys/raw/logical/"+id+"/"+stored, fields{"value": text})
		return refusedRead(path+"/"+read, nil)(t, d)
	}
}

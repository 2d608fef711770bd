package e2e

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestNeitherSecretNorTokenIsSeenWhereItWasNotAskedFor looks at whole processes. In how many ways IMS can repeat what it
// was sent is for the tests of the packages that read it.
func TestNeitherSecretNorTokenIsSeenWhereItWasNotAskedFor(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.succeed()
	w.slip()
	for _, fault := range disclosures() {
		w.ims.Fault(fault)
		for _, method := range []string{"client_secret_post", "client_secret_basic"} {
			w.meet(app(w.ims, fields{"auth_method": method}))
		}
	}
	w.ims.Heal()
	w.loseRequests()
	w.degrade()
	w.tellState()
	w.crash()
	w.requireNoSighting()
}

func (w *watch) succeed() {
	w.t.Helper()
	w.mustSend(http.MethodPost, "config", app(w.ims, nil))
	w.mustSend(http.MethodPost, "config/basic", app(w.ims, fields{"auth_method": "client_secret_basic"}))
	w.mustSend(http.MethodPatch, "config", fields{"client_secret": clientSecret})
	w.mustSend(http.MethodPost, "role/viewer", fields{"scopes": "itwins:read"})
	w.mustSend(http.MethodPost, "role/basic", fields{"app": "basic"})
	for _, path := range []string{"token", "token/viewer", "token/basic", "config", "role/viewer", "check", "check/viewer"} {
		w.mustSend(http.MethodGet, path, nil)
	}
	w.mustSend(http.MethodPost, "rotate/viewer", nil)
	w.mustSend(http.MethodPost, "introspect", fields{"token": w.mustToken(mount + "/token").AccessToken})
	w.mustSend(http.MethodDelete, "role/basic", nil)
	w.mustSend(http.MethodDelete, "config/basic", nil)
}

// slip gets requests wrong, as people do, with a secret or a token in them.
func (w *watch) slip() {
	w.t.Helper()
	token := w.mustToken(mount + "/token").AccessToken
	write := http.MethodPost
	for _, s := range []struct {
		method, path string
		data         fields
	}{
		{write, "config", fields{"client_secrets": clientSecret}},
		{write, "config", fields{"client_secret": []string{clientSecret}}},
		{write, "config", fields{"client_secret": clientSecret, "renew_before": clientSecret}},
		{write, "config", fields{"authority": "https://user:" + url.QueryEscape(clientSecret) + "@ims.example.com"}},
		{write, "config", fields{"ca_cert": clientSecret, "client_secret": clientSecret}},
		{http.MethodPatch, "config", fields{"client_secret": fields{"value": clientSecret}}},
		{write, "role/viewer", fields{"token": token}},
		{write, "token/viewer", fields{"min_ttl": token}},
		{write, "introspect", fields{"tokens": token}},
	} {
		w.mustRefuse(s.method, s.path, s.data)
	}
}

// disclosures are ways for IMS to fail, in which the answer repeats what it was sent or holds a token.
func disclosures() []emulator.Fault {
	return []emulator.Fault{
		disclosing(http.StatusUnauthorized, `{"error":"invalid_client","error_description":%q}`),
		disclosing(http.StatusBadRequest, `{"error":%q}`),
		disclosing(http.StatusInternalServerError, "<html>%s"),
		disclosing(http.StatusOK, `{"access_token":"canary-token\r\n","token_type":"Bearer","expires_in":3600,"scope":%q}`),
		{Handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/"+url.PathEscape(sent(r)), http.StatusTemporaryRedirect)
		}},
		{Handler: func(w http.ResponseWriter, r *http.Request) { // a header's name
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			defer func() { _ = conn.Close() }()
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\n%s\r\n\r\n", sent(r))
		}},
	}
}

// disclosing answers with what was sent in the body's format.
func disclosing(status int, format string) emulator.Fault {
	return emulator.Fault{Handler: func(w http.ResponseWriter, r *http.Request) {
		echo := sent(r)
		w.Header().Set("X-Echo", url.QueryEscape(echo))
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, echo)
	}}
}

// sent is the request in the forms in which the secret is a part of it.
func sent(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	values, _ := url.ParseQuery(string(body))
	_, password, _ := r.BasicAuth()
	return strings.Join([]string{string(body), values.Get("client_secret"), r.Header.Get("Authorization"), password}, " ")
}

// meet configures an app of its own, since after a failure IMS is left alone for a while.
func (w *watch) meet(config fields) {
	w.t.Helper()
	id := strconv.Itoa(len(w.answers))
	w.mustRefuse(http.MethodPost, "config/"+id, config)
	config["verify"] = false
	w.mustSend(http.MethodPost, "config/"+id, config)
	w.mustSend(http.MethodPost, "role/"+id, fields{"app": id})
	w.mustRefuse(http.MethodGet, "token/"+id, nil)
	w.mustRefuse(http.MethodPost, "rotate/"+id, nil)
	w.mustSend(http.MethodGet, "check/"+id, nil)
	require.Contains(w.t, w.lastAnswer(), `"ok":false`)
}

// loseRequests fails before anything is sent: at the certificate, at the connection, at the name.
func (w *watch) loseRequests() {
	w.t.Helper()
	untrusted, err := emulator.Start(emulator.Options{TLS: true})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, untrusted.Close()) })
	w.meet(app(untrusted, nil))
	require.NoError(w.t, untrusted.Down())
	w.meet(app(untrusted, nil))
	w.meet(app(w.ims, fields{"authority": "https://ims.invalid"}))
}

// degrade gets the warning that comes with the previous token.
func (w *watch) degrade() {
	w.t.Helper()
	w.ims.SetLifetime(6 * time.Second)
	w.mustSend(http.MethodPost, "config/aging", app(w.ims, nil))
	w.mustSend(http.MethodPost, "role/aging", fields{"app": "aging"})
	w.ims.Fault(disclosures()[0])
	vaulttest.Wait(w.t, 20*time.Second, "a warning", func() error {
		w.mustSend(http.MethodGet, "token/aging", nil)
		if !strings.Contains(w.lastAnswer(), `"warnings":["`) {
			return errNotYet
		}
		return nil
	})
	w.ims.Heal()
}

func (w *watch) tellState() {
	w.t.Helper()
	w.mustSend(http.MethodGet, "status", nil)
	require.Contains(w.t, w.lastAnswer(), `"last_failure":"IMS`)
	w.mustSend(http.MethodGet, "metrics", nil)
	require.Contains(w.t, w.lastAnswer(), "itwin_exchanges_total")
	w.mustSend(http.MethodGet, "config?list=true", nil)
	pids := w.server.PluginPIDs(w.t, w.plugin)
	require.Len(w.t, pids, 1)
	for _, file := range []string{"environ", "cmdline"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pids[0], file))
		require.NoError(w.t, err)
		w.answers = append(w.answers, "the plugin's "+file+": "+string(text))
	}
}

// crash makes Go's runtime end the plugin as a panic does, with the stacks of all goroutines.
func (w *watch) crash() {
	w.t.Helper()
	for _, pid := range w.server.PluginPIDs(w.t, w.plugin) {
		require.NoError(w.t, syscall.Kill(pid, syscall.SIGABRT))
	}
	vaulttest.Wait(w.t, 20*time.Second, "the dump in the log", func() error {
		if log := w.server.Log(w.t); !strings.Contains(log, "SIGABRT: abort") || !strings.Contains(log, "goroutine 1 ") {
			return errNotYet
		}
		return nil
	})
}

// requireNoSighting looks through all answers and all files that Vault has written: log, audit logs and data.
func (w *watch) requireNoSighting() {
	w.t.Helper()
	w.server.Stop()
	w.requireRecorded()
	seen := sightings()
	for _, answer := range w.answers {
		require.False(w.t, seen.MatchString(answer), "%s", answer)
	}
	files := append([]string{filepath.Dir(w.server.LogPath)}, w.auditPaths...)
	for _, root := range files {
		require.NoError(w.t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(w.t, err)
			if at := seen.FindIndex(text); at != nil {
				w.t.Errorf("%s holds %q", path, text[max(0, at[0]-200):min(len(text), at[1]+50)])
			}
			return nil
		}))
	}
}

// requireRecorded proves that there was something to look through.
func (w *watch) requireRecorded() {
	w.t.Helper()
	for path, texts := range map[string][]string{
		w.server.LogPath: {"[TRACE]", "could not mint a token", "config written", "token minted"},
		w.auditPaths[0]:  {`"path":"itwin/token/viewer"`, `"access_token":"hmac-sha256:`, `"client_secret":"hmac-sha256:`, "IMS"},
		w.auditPaths[1]:  {"itwin/token/viewer", "hmac-sha256:"},
	} {
		text, err := os.ReadFile(path)
		require.NoError(w.t, err)
		for _, want := range texts {
			require.Contains(w.t, string(text), want, path)
		}
	}
	require.NotContains(w.t, w.server.Log(w.t), "accept events", "Vault took the events")
}

package e2e

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestNeitherSecretNorTokenIsSeenWhereItWasNotAskedFor(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.succeed()
	w.slip()
	w.meetEveryFailure()
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
}

// slip gets requests wrong. Some of them are no mistake to the engine: only what is told counts.
func (w *watch) slip() {
	w.t.Helper()
	token, refused := w.mustToken(mount+"/token").AccessToken, 0
	all := slips(token)
	for _, s := range all {
		if w.send(s.method, s.path, s.data) >= http.StatusBadRequest {
			refused++
		}
	}
	require.Greater(w.t, refused, len(all)/2)
	w.mustSend(http.MethodPost, "config", app(w.ims, nil))
}

// meetEveryFailure lets each way in which the engine sends the secret meet each failure. IMS doesn't answer at all in
// the last.
func (w *watch) meetEveryFailure() {
	w.t.Helper()
	for name, fault := range disclosures() {
		w.ims.Fault(fault)
		for _, method := range []string{"client_secret_post", "client_secret_basic"} {
			w.meet(name, app(w.ims, fields{"auth_method": method}))
		}
	}
	w.ims.Heal()
	untrusted, err := emulator.Start(emulator.Options{TLS: true})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, untrusted.Close()) })
	w.meet("a certificate that nobody trusts", app(untrusted, nil))
	require.NoError(w.t, untrusted.Down())
	w.meet("nobody listens", app(untrusted, nil))
	w.meet("the name doesn't resolve", app(w.ims, fields{"authority": "https://ims.invalid"}))
}

// meet configures an app of its own, since after a failure IMS is left alone for a while.
func (w *watch) meet(failure string, config fields) {
	w.t.Helper()
	id := slug(failure) + "-" + strconv.Itoa(len(w.answers))
	config["request_timeout"] = "1s"
	w.mustRefuse(http.MethodPost, "config/"+id, config)
	config["verify"] = false
	w.mustSend(http.MethodPost, "config/"+id, config)
	w.mustSend(http.MethodPost, "role/"+id, fields{"app": id})
	w.mustRefuse(http.MethodGet, "token/"+id, nil)
	w.mustRefuse(http.MethodPost, "rotate/"+id, nil)
	w.mustSend(http.MethodGet, "check/"+id, nil)
	require.Contains(w.t, w.lastAnswer(), `"ok":false`, failure)
}

// degrade gets the warning that comes with the previous token.
func (w *watch) degrade() {
	w.t.Helper()
	w.ims.SetLifetime(10 * time.Second)
	w.mustSend(http.MethodPost, "config/aging", app(w.ims, nil))
	w.mustSend(http.MethodPost, "role/aging", fields{"app": "aging"})
	w.ims.Fault(disclosures()["a refusal repeats what it was sent"])
	vaulttest.Wait(w.t, 20*time.Second, "a warning", func() error {
		w.mustSend(http.MethodGet, "token/aging", nil)
		if !strings.Contains(w.lastAnswer(), `"warnings":["`) {
			return errNotYet
		}
		return nil
	})
	w.ims.Heal()
}

// slug makes a failure's description the name of an app.
func slug(text string) string { return regexp.MustCompile(`\W+`).ReplaceAllString(text, "-") }

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
	vaulttest.Wait(w.t, 20*time.Second, "Vault to start the plugin again", func() error {
		_, err := readToken(w.t.Context(), w.root, mount+"/token")
		return err
	})
}

// requireNoSighting looks through all answers and all files that Vault has written: log, audit logs and data.
func (w *watch) requireNoSighting() {
	w.t.Helper()
	w.requireRecorded()
	w.server.Stop()
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
	require.Greater(w.t, len(w.answers), 200)
}

func TestASightingIsRecognizedInEveryForm(t *testing.T) {
	t.Parallel()
	seen := sightings()
	for _, form := range formsOf(clientSecret) {
		require.Regexp(t, seen, form)
	}
	require.NotRegexp(t, seen, "service-e2e https://ims.example.com itwin-platform 9f86d081884c7d65")
}

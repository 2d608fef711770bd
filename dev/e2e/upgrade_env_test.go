package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const olderVersion = "v0.0.1-older"

// laterFields are those of a stored config that the older version doesn't know yet. It has their defaults built in.
func laterFields() []string {
	return []string{"api_url", "auth_method", "request_timeout", "ca_cert", "tls_min_version", "persist_tokens"}
}

// buildOlder builds a version that stores configs without the later fields: every release so far stores all of them.
func buildOlder(t *testing.T) vaulttest.Plugin {
	t.Helper()
	var edits []vaulttest.Edit
	for _, field := range laterFields() {
		edits = append(edits, vaulttest.Edit{File: "config.go", Old: `json:"` + field + `"`, New: `json:"-"`})
	}
	return vaulttest.Build(t, olderVersion, edits...)
}

// prepareMount mounts the older version, with an app and a role.
func (e *env) prepareMount(path string) {
	e.t.Helper()
	vaulttest.Mount(e.t, e.root, e.plugin, path)
	e.mustWrite(path+"/config", fields{"client_id": clientID, "client_secret": clientSecret, "authority": e.ims.URL()})
	e.mustWrite(path+"/role/viewer", fields{"scopes": "itwins:read"})
}

// window is a time in which something happened.
type window struct{ began, ended time.Time }

func (w window) took() time.Duration { return w.ended.Sub(w.began).Round(time.Millisecond) }

// met says whether a read was under way at some time in the window.
func (w window) met(r reading) bool { return r.start.Before(w.ended) && r.end.After(w.began) }

// move has the mount run another version, by the requests that the page's commands make, and returns the reload's time.
func (e *env) move(version string) window {
	e.t.Helper()
	e.mustWrite("sys/mounts/"+mount+"/tune", fields{"plugin_version": version})
	reload := window{began: time.Now()}
	e.mustWrite("sys/plugins/reload/secret/"+e.plugin.Name, fields{"scope": "global"})
	reload.ended = time.Now()
	e.requireRuns(mount, version)
	return reload
}

func (e *env) requireRuns(path, version string) {
	e.t.Helper()
	require.Equal(e.t, version, e.mustRead(path + "/status").Data["version"])
}

// kept is what a change of version has to leave as it is.
type kept struct {
	config, role  map[string]any
	roles, stored []any
	tokens        []token
}

func (e *env) kept(path string) kept {
	e.t.Helper()
	k := kept{
		config: e.mustRead(path + "/config").Data, role: e.mustRead(path + "/role/viewer").Data,
		roles: e.mustList(path + "/role"), stored: e.storageOf(path),
	}
	for _, tokenPath := range []string{"/token", "/token/viewer"} {
		got := e.mustToken(path + tokenPath)
		got.TTL = 0 // counts down
		k.tokens = append(k.tokens, got)
	}
	return k
}

// watched are readers of one path, who have to get the same token all the time.
type watched struct {
	*load

	path string
	want token
}

func (e *env) watch(path string, clients ...*api.Client) watched {
	e.t.Helper()
	return watched{path: path, want: e.mustToken(path), load: startLoad(e.t, path, 5*time.Millisecond, clients...)}
}

// judge stops the readers. It requires that none got another token, and that no read failed but those that were under
// way in one of the windows.
func (w watched) judge(t *testing.T, windows ...window) {
	t.Helper()
	failed := 0
	readings := w.stop()
	longest := slices.MaxFunc(readings, func(a, b reading) int { return int(a.took() - b.took()) })
	for _, r := range readings {
		if slices.ContainsFunc(windows, func(w window) bool { return r.err != nil && w.met(r) }) {
			requireStatus(t, r.err, http.StatusInternalServerError)
			failed++
			continue
		}
		require.NoErrorf(t, r.err, "a read of %s failed, %s after it began", w.path, r.took())
		require.Equal(t, w.want.AccessToken, r.token.AccessToken)
		require.Equal(t, w.want.Rotated, r.token.Rotated)
		require.Empty(t, r.token.warnings)
	}
	t.Logf("%d reads of %s, %d failed, the longest took %s", len(readings), w.path, failed, longest.took().Round(time.Millisecond))
}

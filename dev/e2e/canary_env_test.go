package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// canary is a part of every secret and of every token that isn't a JWT, and of nothing else that a server is told.
const canary = "canary"

// sightings matches the canary in each form in which a secret travels, and any JWT. Base64 spells a text in three ways,
// depending on what comes before it.
func sightings() *regexp.Regexp {
	forms := []string{canary, `eyJ[\w-]{8,}\.eyJ`, "(?i:" + hex.EncodeToString([]byte(canary)) + ")"}
	for shift := range 3 {
		// The first and the last character depend on their neighbors too.
		spelled := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + canary))
		forms = append(forms, spelled[(shift*8+5)/6:len(spelled)-min(1, (shift+len(canary))%3)])
	}
	return regexp.MustCompile(strings.Join(forms, "|"))
}

// watch is an env of which everything is recorded that leaves it.
type watch struct {
	*env

	auditPaths []string
	answers    []string // all that readers and operators were told, but for the tokens themselves
}

// newWatch stores Vault's data in files, so that they are looked at as well.
func newWatch(t *testing.T) *watch {
	t.Helper()
	w := &watch{env: newEnv(t, vaulttest.Options{LogLevel: "trace"})}
	second := t.TempDir() + "/audit.jsonx"
	w.auditPaths = []string{w.server.Audit(t), second}
	require.NoError(t, w.root.Sys().EnableAuditWithOptions("second", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": second, "format": "jsonx", "log_raw": "false"},
	}))
	return w
}

// send makes a request as it is, records the whole answer and returns its status. A reader's token is taken out: it is
// what was asked for.
func (w *watch) send(method, path string, data fields) (status int) {
	w.t.Helper()
	body, err := json.Marshal(data)
	require.NoError(w.t, err)
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.server.Addr+"/v1/"+mount+"/"+path, strings.NewReader(string(body)))
	require.NoError(w.t, err)
	request.Header.Set("X-Vault-Token", w.root.Token())
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	resp, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(path, "token") {
		text = withoutToken(w.t, text)
	}
	var header strings.Builder
	require.NoError(w.t, resp.Header.Write(&header))
	w.answers = append(w.answers, method+" "+path+"\n"+header.String()+string(text))
	return resp.StatusCode
}

// withoutToken also proves that a token would have been seen.
func withoutToken(t *testing.T, answer []byte) []byte {
	t.Helper()
	require.Regexp(t, sightings(), string(answer))
	var whole map[string]any
	require.NoError(t, json.Unmarshal(answer, &whole))
	require.NotEmpty(t, whole["data"].(map[string]any)["access_token"])
	delete(whole["data"].(map[string]any), "access_token")
	rest, err := json.Marshal(whole)
	require.NoError(t, err)
	return rest
}

func (w *watch) mustSend(method, path string, data fields) {
	w.t.Helper()
	require.Less(w.t, w.send(method, path, data), http.StatusBadRequest, w.lastAnswer())
}

func (w *watch) mustRefuse(method, path string, data fields) {
	w.t.Helper()
	require.GreaterOrEqual(w.t, w.send(method, path, data), http.StatusBadRequest, w.lastAnswer())
}

// lastAnswer is the whole answer to the last request.
func (w *watch) lastAnswer() string { return w.answers[len(w.answers)-1] }

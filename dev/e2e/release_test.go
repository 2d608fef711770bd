package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReleasedArchivesAreAllThatAUserNeeds starts from what a release page has: nothing comes from the repository.
func TestReleasedArchivesAreAllThatAUserNeeds(t *testing.T) {
	t.Parallel()
	d := newReleaseDesk(t)
	log := d.server.Audit(t)
	d.unpackRelease()
	d.refuseMixedUpVersions()
	d.mountRelease()
	d.requireAnswerFromAudit(d.requireWorkingToken(), log)
	d.refuseTamperedBinary()
	d.refuseTamperedArchive()
}

// must runs commands that have to succeed, and returns what they printed.
func (d *desk) must(commands string) string {
	d.t.Helper()
	output, err := d.bash(commands)
	require.NoError(d.t, err, output)
	return output
}

// mustRefuse runs commands of which the last has to fail with a text.
func (d *desk) mustRefuse(commands, text string) {
	d.t.Helper()
	output, err := d.bash(commands)
	require.Error(d.t, err, output)
	require.Contains(d.t, output, text)
}

// archive is the name of a program's archive.
func (d *desk) archive(program string) string {
	return fmt.Sprintf("%s_%s_%s_%s.zip", program, strings.TrimPrefix(d.plugin.Version, "v"), runtime.GOOS, runtime.GOARCH)
}

func (d *desk) unpackRelease() {
	d.t.Helper()
	sums := d.must("sha256sum -c --ignore-missing SHA256SUMS")
	for _, program := range []string{d.plugin.Name, "itwin-audit"} {
		require.Contains(d.t, sums, d.archive(program)+": OK\n")
		d.must("unzip " + d.archive(program) + " " + program)
	}
	require.Equal(d.t, d.plugin.Version+"\n", d.must("./"+d.plugin.Name+" -version"))
	d.must("cp " + d.plugin.Name + " /etc/vault/plugins/")
}

const registerRelease = `vault plugin register -command=vault-plugin-secrets-itwin \
  -sha256="$(sha256sum vault-plugin-secrets-itwin | cut -d' ' -f1)" -version=`

func (d *desk) refuseMixedUpVersions() {
	d.t.Helper()
	d.mustRefuse(registerRelease+"v77.0.0 secret vault-plugin-secrets-itwin",
		"plugin version mismatch: "+d.plugin.Name+" reported version ("+d.plugin.Version+") did not match requested version (v77.0.0)")
}

func (d *desk) mountRelease() {
	d.t.Helper()
	d.must(registerRelease + d.plugin.Version + " secret vault-plugin-secrets-itwin")
	d.must("vault secrets enable -path=itwin -plugin-version=" + d.plugin.Version + " vault-plugin-secrets-itwin")
	d.must("vault write itwin/config client_id=service-YourSurveyAppsId client_secret=@secret.txt")
	require.Equal(d.t, d.plugin.Version, d.must("vault read -field=version itwin/status"))
}

// requireWorkingToken reads a token and shows it to the Platform.
func (d *desk) requireWorkingToken() (token string) {
	d.t.Helper()
	token = d.must("vault read -field=access_token itwin/token")
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.ims.URL()+"/users/me", http.NoBody)
	require.NoError(d.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/vnd.bentley.itwin-platform.v1+json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(d.t, err)
	defer func() { require.NoError(d.t, answer.Body.Close()) }()
	require.Equal(d.t, http.StatusOK, answer.StatusCode)
	var who struct{ User struct{ Email string } }
	require.NoError(d.t, json.NewDecoder(answer.Body).Decode(&who))
	require.Contains(d.t, who.User.Email, clientID)
	return token
}

// requireAnswerFromAudit asks the released itwin-audit who was handed the token, which was read once.
func (d *desk) requireAnswerFromAudit(token, log string) {
	d.t.Helper()
	require.Equal(d.t, d.plugin.Version+"\n", d.must("./itwin-audit --version"))
	cli := auditCLI{
		t: d.t, binary: filepath.Join(d.dir, "itwin-audit"),
		env: append(os.Environ(), "VAULT_ADDR="+d.server.Addr, "VAULT_TOKEN="+d.root.Token()),
	}
	answer := cli.ask(0, token, "readers", "--vault", "--token", "-", log)
	require.Equal(d.t, []string{"root read (default) x1"}, answer.told("readers"))
}

// refuseTamperedBinary has a binary changed after it was registered. Vault compares it when it starts it.
func (d *desk) refuseTamperedBinary() {
	d.t.Helper()
	const (
		installed = "/etc/vault/plugins/vault-plugin-secrets-itwin"
		reload    = "vault plugin reload -type=secret -plugin=vault-plugin-secrets-itwin"
	)
	d.must("echo | cat vault-plugin-secrets-itwin - > tampered && chmod +x tampered && mv tampered " + installed)
	d.mustRefuse(reload, "checksums did not match")
	_, err := d.root.Logical().Read("itwin/token")
	requireStatus(d.t, err, http.StatusInternalServerError, "checksums did not match")
	d.must("cp vault-plugin-secrets-itwin " + installed + " && " + reload + " && vault read itwin/token")
}

func (d *desk) refuseTamperedArchive() {
	d.t.Helper()
	archive := d.archive(d.plugin.Name)
	d.must("echo >>" + archive)
	d.mustRefuse("sha256sum -c --ignore-missing SHA256SUMS", archive+": FAILED")
}

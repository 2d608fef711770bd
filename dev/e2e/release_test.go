package e2e

import (
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
	d.mountRelease()
	token := d.must("vault read -field=access_token itwin/token")
	require.Equal(t, d.ims.Issued()[0].SHA256, d.must("vault read -field=token_id itwin/token"))
	d.requireAnswerFromAudit(token, log)
	d.refuseTampered()
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
		require.Equal(d.t, d.plugin.Version+"\n", d.must("./"+program+" -version"))
	}
	d.must("cp " + d.plugin.Name + " /etc/vault/plugins/")
}

// mountRelease registers and mounts the plugin. Vault refuses a version that the plugin doesn't report.
func (d *desk) mountRelease() {
	d.t.Helper()
	const register = `vault plugin register -command=vault-plugin-secrets-itwin \
		-sha256="$(sha256sum vault-plugin-secrets-itwin | cut -d' ' -f1)" -version=%s secret vault-plugin-secrets-itwin`
	d.mustRefuse(fmt.Sprintf(register, "v77.0.0"),
		"plugin version mismatch: "+d.plugin.Name+" reported version ("+d.plugin.Version+") did not match requested version (v77.0.0)")
	d.must(fmt.Sprintf(register, d.plugin.Version))
	d.must("vault secrets enable -path=itwin -plugin-version=" + d.plugin.Version + " vault-plugin-secrets-itwin")
	d.must("vault write itwin/config client_id=service-YourSurveyAppsId client_secret=@secret.txt")
	require.Equal(d.t, d.plugin.Version, d.must("vault read -field=version itwin/status"))
}

// requireAnswerFromAudit asks the released itwin-audit who was handed the token.
func (d *desk) requireAnswerFromAudit(token, log string) {
	d.t.Helper()
	cli := auditCLI{
		t: d.t, binary: filepath.Join(d.dir, "itwin-audit"),
		env: append(os.Environ(), "VAULT_ADDR="+d.server.Addr, "VAULT_TOKEN="+d.root.Token()),
	}
	answer := cli.ask(0, token, "readers", "--vault", "--token", "-", log)
	require.Equal(d.t, []string{"root read (default) x2"}, answer.told("readers"))
}

// refuseTampered changes the binary after its registration, which Vault notices when it starts it, and an archive.
func (d *desk) refuseTampered() {
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

	archive := d.archive(d.plugin.Name)
	d.must("echo >>" + archive)
	d.mustRefuse("sha256sum -c --ignore-missing SHA256SUMS", archive+": FAILED")
}

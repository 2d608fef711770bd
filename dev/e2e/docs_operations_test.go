package e2e

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

func TestOperationsPageIsRunAsItStands(t *testing.T) {
	t.Parallel()
	d := newMountedDesk(t, vaulttest.Options{LogLevel: "info"})
	d.server.Audit(t)
	d.cues = append(d.secretCues(), d.incidentCues()...)
	d.cues = append(d.cues, d.upgradeCues()...)
	d.cues = append(d.cues, d.surroundingCues()...)
	d.work("docs/operations.md")
}

// secretCues let the app's secret be generated anew: IMS takes the new one alone.
func (d *desk) secretCues() []*cue {
	const fresh = "another+secret/of=the&app"
	known := emulator.App{ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"itwin-platform"}}
	renewed := known
	renewed.ClientSecret = fresh
	return []*cue{{
		at: "@new-secret.txt",
		before: func(*testing.T) {
			d.ims.SetApp(renewed)
			d.write("new-secret.txt", fresh)
		},
		after: func(t *testing.T, output string) {
			t.Helper()
			requireWhole(t, output)
			require.NoFileExists(t, filepath.Join(d.dir, "new-secret.txt"))
			d.ims.SetApp(known)
			d.mustWrite("itwin/config", fields{"client_secret": clientSecret})
		},
	}}
}

func requireMatch(pattern string) func(*testing.T, string) {
	return func(t *testing.T, output string) { t.Helper(); require.Regexp(t, pattern, output) }
}

// requireWhole looks for the verdict in the table that `vault read itwin/check` prints.
func requireWhole(t *testing.T, output string) {
	t.Helper()
	requireMatch(`(?m)^ok\s+true$`)(t, output)
}

// incidentCues are an outage, a token that got out, and an app that is stopped.
func (d *desk) incidentCues() []*cue {
	stopped := func(*testing.T, string) {
		_, err := d.root.Logical().Read("itwin/token/viewer")
		requireStatus(d.t, err, http.StatusBadRequest, "the default app isn't configured")
	}
	return []*cue{
		{
			at: "-format=yaml itwin/status",
			before: func(*testing.T) {
				d.ims.Fault(emulator.Fault{Status: http.StatusServiceUnavailable})
			},
			after: requireMatch(`(?m)^failed_stage\s+exchange$`),
		},
		{at: "request_timeout=20s", after: func(*testing.T, string) { d.ims.Heal() }},
		{
			at: "introspect",
			before: func(*testing.T) {
				d.awaitRotation("itwin/token/viewer")
				d.write("leaked.txt", d.mustRead("itwin/token/viewer").Data["access_token"].(string))
			},
			after: requireMatch(`(?s)\n  active: true\n.*\n  roles:\n  - viewer\n`),
		},
		{at: "sys/audit-hash", after: requireMatch(`^hmac-sha256:`)},
		{at: "vault delete itwin/config", after: stopped},
	}
}

// awaitRotation waits until the last rotation is over by the clock: people type more slowly than the test, whose rotations
// would be refused as too many in a row.
func (d *desk) awaitRotation(path string) {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		rotated, err := time.Parse(time.RFC3339, d.mustRead(path).Data["last_vault_rotation"].(string))
		return err == nil && !rotated.After(time.Now())
	}, 20*time.Second, 100*time.Millisecond)
}

// upgradeCues put a release into the folder, to which the page upgrades.
func (d *desk) upgradeCues() []*cue {
	var before token
	running := func(want string) func(*testing.T, string) {
		return func(t *testing.T, _ string) {
			t.Helper()
			require.Equal(t, want, d.mustRead("itwin/status").Data["version"])
			require.Equal(t, before.ID, d.mustToken("itwin/token").ID, "the token outlives the change of version")
		}
	}
	return []*cue{
		{at: "unzip -o", before: func(*testing.T) { d.release() }},
		{
			at:     `tune -plugin-version="$(./`,
			before: func(*testing.T) { before = d.mustToken("itwin/token") },
			after:  running(installedVersion),
		},
		{at: "vault plugin list", after: running(d.plugin.Version)},
	}
}

// surroundingCues are about what lies around the engine: other apps, a CA, a snapshot, a quota.
func (d *desk) surroundingCues() []*cue {
	return []*cue{
		{at: "check/viewer-qa", after: requireWhole},
		{at: "check/survey", after: requireWhole},
		{at: "-env=ITWIN_ALLOWED_HOSTS", after: requireMatch("the host 127.0.0.1 isn't allowed")}, // the next registration lifts it
		{at: "-env=HTTPS_PROXY", after: requireWhole},
		{at: "ca_cert=@ca.pem", before: d.moveBehindCA, after: func(t *testing.T, output string) {
			t.Helper()
			requireWhole(t, output)
			d.configure(fields{"ca_cert": ""})
		}},
		{at: "snapshot restore", before: func(*testing.T) { d.mustDelete("itwin/config") }, after: d.waitRestored},
		{at: "vault read sys/quotas", after: func(t *testing.T, output string) {
			t.Helper()
			require.Regexp(t, `(?m)^group_by\s+ip$`, output)
			require.Regexp(t, `(?m)^rate\s+100$`, output)
			d.requireLimited(t)
		}},
	}
}

// moveBehindCA leaves the app with an IMS whose certificate it doesn't trust.
func (d *desk) moveBehindCA(t *testing.T) {
	t.Helper()
	ims, err := emulator.Start(emulator.Options{TLS: true, Apps: []emulator.App{{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"itwin-platform"},
	}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	d.write("ca.pem", ims.CACert())
	d.mustWrite("itwin/config", app(ims, fields{"verify": false}))
}

func (d *desk) waitRestored(t *testing.T, _ string) {
	t.Helper()
	vaulttest.Wait(t, time.Minute, "Vault to be back with its config", func() error {
		_, err := d.root.Logical().Read("itwin/token")
		return err
	})
}

// requireLimited makes the page's quota so small that a test can exceed it: its path covers roles as well.
func (d *desk) requireLimited(t *testing.T) {
	t.Helper()
	d.configure(nil)
	d.mustWrite("sys/quotas/rate-limit/itwin-token", fields{"path": "itwin/token*", "rate": 1, "interval": "60s"})
	d.mustToken("itwin/token")
	_, err := d.root.Logical().Read("itwin/token/viewer")
	requireStatus(t, err, http.StatusTooManyRequests, "rate limit quota exceeded")
}

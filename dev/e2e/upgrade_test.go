package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	operations  = "docs/operations.md"
	upgradePart = "Upgrade and downgrade"
)

// newUpgradeDesk is a desk on which an older version is in use, and a release of this one at hand.
func newUpgradeDesk(t *testing.T) *desk {
	t.Helper()
	programs.Find(t, "unzip")
	d := newDesk(t, vaulttest.Options{LogLevel: "info"})
	d.plugin = buildOlder(t)
	d.stand = d.standIns()
	d.release(nextVersion)
	d.server.Register(t, d.plugin)
	d.prepareMount(mount)
	return d
}

// at is the same desk for a subtest.
func (d *desk) at(t *testing.T) *desk {
	t.Helper()
	sub := *d
	sub.env = d.in(t)
	return &sub
}

// TestUpgradeAndDowngrade goes step by step on one Vault. Each begins and ends with the older version in use.
func TestUpgradeAndDowngrade(t *testing.T) {
	t.Parallel()
	d := newUpgradeDesk(t)
	for _, step := range []struct {
		name string
		run  func(d *desk)
	}{
		{"fails no read and keeps all there is", (*desk).upgradeUnderLoad},
		{"fails only reads under way where mounts share a process", (*desk).upgradeBesideAnother},
		{"waits for requests under way", (*desk).upgradeDuringRotation},
		{"leaves configs that both versions read", (*desk).upgradeWrittenConfigs},
		{"to a binary that isn't the registered one leaves the mount as it was", (*desk).upgradeToDamaged},
	} {
		t.Run(step.name, func(t *testing.T) { step.run(d.at(t)) })
	}
}

// upgradeUnderLoad runs the page's commands, and then their requests more often.
func (d *desk) upgradeUnderLoad() {
	before, exchanges := d.kept(mount), d.ims.Exchanges()
	watches := []watched{
		d.watch("itwin/token", clientsOf(d.t, d.server, 4)...), d.watch("itwin/token/viewer", clientsOf(d.t, d.server, 4)...),
	}
	versions := []string{nextVersion, olderVersion}
	for _, block := range readPage(d.t, operations).Blocks {
		if block.Heading != upgradePart {
			continue
		}
		d.runBlock(operations, block)
		if strings.Contains(block.Text, "vault plugin reload") {
			d.requireRuns(mount, versions[0])
			require.Equal(d.t, before, d.kept(mount))
			versions = versions[1:]
		}
	}
	require.Empty(d.t, versions, "the page leads there and back")

	var took []time.Duration
	for range 3 {
		took = append(took, d.move(nextVersion).took(), d.move(olderVersion).took())
	}
	d.t.Logf("reloads took %v", took)
	require.Less(d.t, slices.Min(took), time.Second)
	require.Equal(d.t, before, d.kept(mount))
	require.Equal(d.t, exchanges, d.ims.Exchanges())
	for _, w := range watches {
		w.judge(d.t)
	}
}

// upgradeBesideAnother has a second mount that stays with the older version. A reload ends the process that mounts of a
// version share, and what was under way in it. Vault's clients try a request again that failed with status 500.
func (d *desk) upgradeBesideAnother() {
	const beside = "itwin-beside"
	d.prepareMount(beside)
	before, other, exchanges := d.kept(mount), d.kept(beside), d.ims.Exchanges()
	var once, again []watched
	for _, path := range []string{"itwin/token", "itwin-beside/token"} {
		retrying := d.server.Root(d.t)
		retrying.SetMaxRetries(api.DefaultConfig().MaxRetries)
		again = append(again, d.watch(path, retrying))
		once = append(once, d.watch(path, clientsOf(d.t, d.server, 3)...))
	}
	var reloads []window
	for _, version := range []string{nextVersion, olderVersion} {
		reloads = append(reloads, d.move(version))
		d.requireRuns(beside, olderVersion)
		for _, w := range again {
			w.waitRead(d.t, 10*time.Second, "a read after the reload", reloads[len(reloads)-1].ended, succeeded)
		}
	}
	for _, w := range once {
		w.judge(d.t, reloads...)
	}
	for _, w := range again {
		w.judge(d.t)
	}
	require.Equal(d.t, before, d.kept(mount))
	require.Equal(d.t, other, d.kept(beside))
	require.Equal(d.t, exchanges, d.ims.Exchanges())
	require.NoError(d.t, d.root.Sys().Unmount(beside))
}

// upgradeDuringRotation reloads while IMS lets a rotation wait: readers wait as well, for both.
func (d *desk) upgradeDuringRotation() {
	const delay = 3 * time.Second
	exchanges := d.ims.Exchanges()
	load := startLoad(d.t, "itwin/token", 20*time.Millisecond, clientsOf(d.t, d.server, 2)...)
	d.ims.Fault(emulator.Fault{Delay: delay})
	defer d.ims.Heal()
	rotated, asked := make(chan error, 1), time.Now()
	go func() {
		_, err := d.root.Logical().Write("itwin/rotate", nil)
		rotated <- err
	}()
	vaulttest.Wait(d.t, delay, "the rotation to be under way", func() error {
		if d.ims.Exchanges() == exchanges {
			return errNotYet
		}
		return nil
	})
	reload := d.move(nextVersion)
	require.NoError(d.t, <-rotated)
	require.Greater(d.t, reload.ended.Sub(asked), delay, "the reload didn't wait for IMS's answer")
	var longest time.Duration
	for _, r := range load.stop() {
		require.NoError(d.t, r.err)
		longest = max(longest, r.took().Round(time.Millisecond))
	}
	d.t.Logf("with a request of %s under way the reload took %s, and a read up to %s", delay, reload.took(), longest)
	issued := d.ims.Issued()
	require.Equal(d.t, issued[len(issued)-1].SHA256, d.mustToken("itwin/token").ID, "the token that was under way")
	require.Equal(d.t, exchanges+1, d.ims.Exchanges())
	d.move(olderVersion)
}

// upgradeWrittenConfigs writes the config with each version and reads it with the other.
func (d *desk) upgradeWrittenConfigs() {
	want := d.mustToken("itwin/token")
	timeout := func() any { return d.mustRead("itwin/config").Data["request_timeout"] }
	stored := func() map[string]any { return d.readStored("config") }
	for _, field := range laterFields() {
		require.NotContains(d.t, stored(), field)
	}
	d.move(nextVersion)
	d.mustWrite("itwin/config", fields{"request_timeout": "20s", "verify": false})
	for _, field := range laterFields() {
		require.Contains(d.t, stored(), field)
	}
	d.move(olderVersion)
	require.EqualValues(d.t, "10", timeout(), "what it has built in")
	require.Equal(d.t, want.ID, d.mustToken("itwin/token").ID)
	d.move(nextVersion)
	require.EqualValues(d.t, "20", timeout(), "what was written is kept")
	d.move(olderVersion)
	d.mustWrite("itwin/config", fields{"renew_before": "20m", "verify": false})
	d.move(nextVersion)
	require.EqualValues(d.t, "10", timeout(), "what the older version's write can't keep")
	require.Equal(d.t, want.ID, d.mustToken("itwin/token").ID)
	d.move(olderVersion)
}

// upgradeToDamaged finds out at the reload, and the mount runs what it ran before.
func (d *desk) upgradeToDamaged() {
	before, exchanges := d.kept(mount), d.ims.Exchanges()
	path := filepath.Join(d.plugins, d.plugin.Name+"-"+nextVersion)
	whole, err := os.ReadFile(path)
	require.NoError(d.t, err)
	require.NoError(d.t, os.WriteFile(path, append(whole, '\n'), 0o700))
	output, err := d.bash("vault secrets tune -plugin-version=" + nextVersion + " itwin\n" +
		"vault plugin reload -type=secret -plugin=" + d.plugin.Name + " -scope=global")
	require.Error(d.t, err)
	require.Contains(d.t, output, "checksums did not match")
	d.requireRuns(mount, olderVersion)
	require.Equal(d.t, before, d.kept(mount))
	require.NoError(d.t, os.WriteFile(path, whole, 0o700))
	d.move(nextVersion)
	require.Equal(d.t, before, d.kept(mount))
	require.Equal(d.t, exchanges, d.ims.Exchanges())
}

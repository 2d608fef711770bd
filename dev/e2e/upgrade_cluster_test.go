package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestNextLeaderRunsTheVersionThatAMountWasMovedTo has readers at both nodes: a standby passes them on to the leader.
func TestNextLeaderRunsTheVersionThatAMountWasMovedTo(t *testing.T) {
	t.Parallel()
	cluster := vaulttest.StartCluster(t, 2, vaulttest.Options{LogLevel: "info"})
	leader, standby := cluster.Nodes[0], cluster.Nodes[1]
	e := &env{t: t, ims: startIMS(t), plugin: buildOlder(t), server: leader, root: leader.Root(t)}
	newer := vaulttest.Product(t)
	leader.Register(t, e.plugin)
	leader.Register(t, newer)
	e.prepareMount(mount)
	before, exchanges := e.kept(mount), e.ims.Exchanges()
	watches := []watched{
		e.watch("itwin/token", clientsOf(t, leader, 2)...), e.watch("itwin/token", clientsOf(t, standby, 2)...),
	}
	reload := e.move(newer.Version)
	for _, w := range watches {
		w.waitRead(t, 10*time.Second, "a read after the reload", reload.ended, succeeded)
		w.judge(t)
	}
	require.NoError(t, e.root.Sys().StepDown())
	vaulttest.Wait(t, 30*time.Second, "the other node to lead", func() error {
		if cluster.Leader(t) != standby {
			return errNotYet
		}
		return nil
	})
	e.server, e.root = standby, standby.Root(t)
	e.requireRuns(mount, newer.Version)
	require.Equal(t, before, e.kept(mount))
	require.Equal(t, exchanges, e.ims.Exchanges())
}

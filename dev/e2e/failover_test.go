package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestNextLeaderGoesOnWithTheSameTokenWhileIMSIsDown moves the mount to another version first: the next leader runs it, too.
func TestNextLeaderGoesOnWithTheSameTokenWhileIMSIsDown(t *testing.T) {
	t.Parallel()
	cluster := vaulttest.StartCluster(t, 3, vaulttest.Options{LogLevel: "info"})
	e := &env{t: t, ims: startIMS(t), plugin: vaulttest.Product(t), server: cluster.Leader(t)}
	e.root = e.server.Root(t)
	older := vaulttest.Build(t, olderVersion)
	e.server.Register(t, older)
	e.server.Register(t, e.plugin)
	vaulttest.Mount(t, e.root, older, mount)
	e.configure(nil)
	want := e.mustToken("itwin/token")
	require.NoError(t, e.ims.Down())
	e.move(e.plugin.Version)
	var clients []*api.Client
	for _, node := range cluster.Nodes {
		clients = append(clients, clientsOf(t, node, 2)...)
	}
	load := startLoad(t, "itwin/token", 10*time.Millisecond, clients...)
	for range 2 {
		failOver(t, cluster, load)
		e.root = cluster.Leader(t).Root(t)
		require.Equal(t, e.plugin.Version, e.mustRead("itwin/status").Data["version"])
	}
	for _, r := range load.stop() {
		if r.err == nil {
			require.Equal(t, want.ID, r.token.ID, "another token was handed out")
		}
	}
	e.outliveLeader(cluster)
}

// outliveLeader requires that the next leader serves a token that it didn't mint until a tenth of its life is left.
func (e *env) outliveLeader(cluster *vaulttest.Cluster) {
	e.t.Helper()
	const lifetime = 20 * time.Second
	require.NoError(e.t, e.ims.Up())
	e.ims.SetLifetime(lifetime)
	e.mustWrite("itwin/rotate", nil)
	want := e.mustToken("itwin/token")
	require.NoError(e.t, e.ims.Down())
	cluster.Leader(e.t).Kill()
	next, served := cluster.Leader(e.t).Root(e.t), 0
	for {
		got, err := readToken(e.t.Context(), next, "itwin/token")
		if want.left(time.Now()) < lifetime/10 {
			break
		}
		if err == nil {
			require.Equal(e.t, want.ID, got.ID)
			served++
		} else {
			require.Zero(e.t, served, "the next leader failed a read after its first token: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.Positive(e.t, served)
}

// failOver kills the leader, waits for the next one's first token and starts the killed node again. It requires that the
// next leader fails no read from then on; a standby may, while it looks for its leader.
func failOver(t *testing.T, cluster *vaulttest.Cluster, load *load) {
	t.Helper()
	old := cluster.Leader(t)
	killed := time.Now()
	old.Kill()
	next := cluster.Leader(t)
	first := load.waitRead(t, 20*time.Second, killed, func(r reading) bool { return r.err == nil && r.addr == next.Addr })
	t.Logf("a token again after %s", first.end.Sub(killed).Round(time.Millisecond))
	old.Start(t)
	waitStandby(t, old)
	for _, r := range load.readings() {
		if r.addr == next.Addr && r.start.After(first.end) {
			require.NoError(t, r.err, "the next leader failed a read after its first token")
		}
	}
}

// waitStandby waits until a node follows a leader, and counts in the next election.
func waitStandby(t *testing.T, node *vaulttest.Server) {
	t.Helper()
	client := node.Client(t, "")
	vaulttest.Wait(t, 30*time.Second, "the node to follow", func() error {
		answer, err := client.Sys().Leader()
		if err == nil && answer.LeaderAddress == "" {
			err = errors.New("it knows no leader")
		}
		return err
	})
}

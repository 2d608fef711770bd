package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// newClusterEnv is an env whose server is the first leader.
func newClusterEnv(t *testing.T) (*env, *vaulttest.Cluster) {
	t.Helper()
	cluster := vaulttest.StartCluster(t, 3, vaulttest.Options{})
	e := &env{t: t, ims: startIMS(t), plugin: vaulttest.Product(t), server: cluster.Leader(t)}
	e.root = e.server.Root(t)
	e.server.Register(t, e.plugin)
	vaulttest.Mount(t, e.root, e.plugin, mount)
	return e, cluster
}

func TestNextLeaderGoesOnWithTheSameTokenWhileIMSIsDown(t *testing.T) {
	t.Parallel()
	e, cluster := newClusterEnv(t)
	e.configure(nil)
	want := e.mustToken("itwin/token")
	require.NoError(t, e.ims.Down())
	var clients []*api.Client
	for _, node := range cluster.Nodes {
		clients = append(clients, clientsOf(t, node, 2)...)
	}
	load := startLoad(t, "itwin/token", 10*time.Millisecond, clients...)
	elections := make([]time.Duration, 0, 10)
	for len(elections) < cap(elections) {
		elections = append(elections, failOver(t, cluster, load))
	}
	for _, r := range load.stop() {
		if r.err == nil {
			require.Equal(t, want.ID, r.token.ID, "another token was handed out")
		}
	}
	t.Logf("from each leader's end to the next one's first token: %v", elections)
	requireEndOfTokenOnNextLeader(t, e, cluster)
}

// failOver kills the leader, waits for the next one's first token and starts the killed node again. It returns how
// long there was no token to be had, and requires that the next leader fails no read from then on.
func failOver(t *testing.T, cluster *vaulttest.Cluster, load *load) time.Duration {
	t.Helper()
	old := cluster.Leader(t)
	killed := time.Now()
	old.Kill()
	next := cluster.Leader(t)
	first := load.waitRead(t, 20*time.Second, "the next leader's first token", killed, func(r reading) bool {
		return r.err == nil && r.addr == next.Addr
	})
	old.Start(t)
	waitStandby(t, old)
	standby := 0
	for _, r := range load.readings() {
		if r.err == nil || !r.start.After(first.end) || r.addr == old.Addr {
			continue
		}
		require.NotEqual(t, next.Addr, r.addr, "the next leader failed a read after its first token: %v", r.err)
		standby++
	}
	took := first.end.Sub(killed).Round(time.Millisecond)
	t.Logf("a token again after %s; then the other standby failed %d reads while it looked for its leader", took, standby)
	return took
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

// requireEndOfTokenOnNextLeader lets a short token end on a leader that didn't mint it.
func requireEndOfTokenOnNextLeader(t *testing.T, e *env, cluster *vaulttest.Cluster) {
	t.Helper()
	const lifetime = 25 * time.Second
	require.NoError(t, e.ims.Up())
	e.ims.SetLifetime(lifetime)
	leader := cluster.Leader(t)
	_, err := leader.Root(t).Logical().Write("itwin/rotate", nil)
	require.NoError(t, err)
	want, err := readToken(t.Context(), leader.Root(t), "itwin/token")
	require.NoError(t, err)
	require.NoError(t, e.ims.Down())
	leader.Kill()
	next := cluster.Leader(t).Root(t)
	served := 0
	for {
		got, err := readToken(t.Context(), next, "itwin/token")
		if left := want.left(time.Now()); left < lifetime/10 {
			break
		}
		if err == nil {
			require.Equal(t, want.ID, got.ID)
			served++
		} else {
			require.Zero(t, served, "the next leader failed a read after its first token: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.Positive(t, served)
	t.Logf("the next leader served the last token %d times until a tenth of its life was left", served)
}

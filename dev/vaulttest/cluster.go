package vaulttest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

var errNoLeader = errors.New("no running node says it is the leader")

// Cluster is a raft cluster. Its nodes share one plugin directory, as if each had the same files.
type Cluster struct {
	Nodes []*Server
}

// StartCluster returns a cluster of size nodes that all have a vote, with a leader.
func StartCluster(tb testing.TB, size int, opts Options) *Cluster {
	tb.Helper()
	first := StartServer(tb, opts)
	root := first.Root(tb)
	// A node may vote a second after it has joined, instead of ten.
	_, err := root.Logical().Write("sys/storage/raft/autopilot/configuration", map[string]any{"server_stabilization_time": "1s"})
	require.NoError(tb, err)
	c := &Cluster{Nodes: []*Server{first}}
	for len(c.Nodes) < size {
		node := newServer(tb, opts, first.pluginDir, first)
		node.secrets = first.secrets
		node.unseal(tb)
		c.Nodes = append(c.Nodes, node)
	}
	Wait(tb, startTime, "every node to have a vote", func() error {
		state, err := root.Sys().RaftAutopilotState()
		if err == nil && len(state.Voters) < size {
			return fmt.Errorf("%d of %d nodes have one", len(state.Voters), size)
		}
		return err
	})
	return c
}

// Leader waits until one of the running nodes is the active one, and returns it.
func (c *Cluster) Leader(tb testing.TB) (leader *Server) {
	tb.Helper()
	Wait(tb, startTime, "a leader", func() error {
		for _, node := range c.Nodes {
			if answer, err := node.Client(tb, "").Sys().Leader(); err == nil && answer.IsSelf {
				leader = node
				return nil
			}
		}
		return errNoLeader
	})
	return leader
}

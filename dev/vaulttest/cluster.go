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
	plugins := tb.TempDir()
	first := newServer(tb, opts, plugins, nil)
	first.initialize(tb)
	first.unseal(tb)
	first.waitActive(tb)
	hastenVotes(tb, first)
	c := &Cluster{Nodes: []*Server{first}}
	for len(c.Nodes) < size {
		node := newServer(tb, opts, plugins, []string{first.Addr})
		node.secrets = first.secrets
		node.unseal(tb)
		c.Nodes = append(c.Nodes, node)
	}
	c.waitVoters(tb)
	return c
}

// hastenVotes lets a node vote a second after it has joined, in place of ten.
func hastenVotes(tb testing.TB, s *Server) {
	tb.Helper()
	_, err := s.Root(tb).Logical().Write("sys/storage/raft/autopilot/configuration", map[string]any{
		"server_stabilization_time": "1s",
	})
	require.NoError(tb, err)
}

func (c *Cluster) waitVoters(tb testing.TB) {
	tb.Helper()
	root := c.Nodes[0].Root(tb)
	Wait(tb, startTime, "every node to have a vote", func() error {
		state, err := root.Sys().RaftAutopilotState()
		if err != nil {
			return err
		}
		if len(state.Voters) < len(c.Nodes) {
			return fmt.Errorf("%d of %d nodes have one", len(state.Voters), len(c.Nodes))
		}
		return nil
	})
}

// Leader waits until one of the running nodes is the active one, and returns it.
func (c *Cluster) Leader(tb testing.TB) *Server {
	tb.Helper()
	var leader *Server
	Wait(tb, startTime, "a leader", func() error {
		leader = c.leader(tb)
		if leader == nil {
			return errNoLeader
		}
		return nil
	})
	return leader
}

func (c *Cluster) leader(tb testing.TB) *Server {
	tb.Helper()
	for _, node := range c.Nodes {
		if !node.Running() {
			continue
		}
		if answer, err := node.Client(tb, "").Sys().Leader(); err == nil && answer.IsSelf {
			return node
		}
	}
	return nil
}

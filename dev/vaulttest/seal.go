package vaulttest

import (
	"errors"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

var errSealed = errors.New("still sealed")

// initialize makes a single unseal key: how a key is split is not what is tested.
func (s *Server) initialize(tb testing.TB) {
	tb.Helper()
	answer, err := s.Client(tb, "").Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	require.NoError(tb, err)
	s.secrets.unsealKey, s.secrets.rootToken = answer.Keys[0], answer.RootToken
}

// Seal seals the server: it forgets its keys and ends its plugins.
func (s *Server) Seal(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, s.Root(tb).Sys().Seal())
}

// Unseal unseals a sealed server and waits until it is active.
func (s *Server) Unseal(tb testing.TB) {
	tb.Helper()
	s.unseal(tb)
	s.waitActive(tb)
}

// unseal repeats itself, since a node that is joining a cluster takes the key only once it has heard from the leader.
func (s *Server) unseal(tb testing.TB) {
	tb.Helper()
	client := s.Client(tb, "")
	Wait(tb, startTime, "Vault to be unsealed", func() error {
		status, err := client.Sys().SealStatus()
		switch {
		case err != nil:
			return err
		case status.Sealed:
			_, err = client.Sys().Unseal(s.secrets.unsealKey)
			return errors.Join(errSealed, err)
		}
		return nil
	})
}

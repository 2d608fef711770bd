package vaulttest

import (
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// User makes a token that may do what the policy's rules say, and returns a client with it. The name is the policy's.
func (s *Server) User(tb testing.TB, name, rules string) *api.Client {
	tb.Helper()
	root := s.Root(tb)
	require.NoError(tb, root.Sys().PutPolicy(name, rules))
	secret, err := root.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{name}, TTL: "1h"})
	require.NoError(tb, err)
	return s.Client(tb, secret.Auth.ClientToken)
}

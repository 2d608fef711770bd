package soak

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"
)

// fields are those of a request's body.
type fields map[string]any

// vault is what readers and the operator talk to.
type vault interface {
	// request returns the body of Vault's answer, or a logical.HTTPCodedError if its status isn't 200 or 204.
	request(ctx context.Context, op logical.Operation, path string, data fields) ([]byte, error)
	reload() error
}

// token is what a reader takes from an answer.
type token struct {
	AccessToken string `json:"access_token"`
	ID          string `json:"token_id"`
	ClientID    string `json:"client_id"`
	Scope       string `json:"scope"`
	TTL         int64  `json:"ttl"`
	ExpiresAt   int64  `json:"expires_at_unix"` // seconds since 1970
}

// do makes a request that the test's end doesn't cut off.
func (s *stand) do(op logical.Operation, path string, data fields) error {
	_, err := s.vault.request(context.Background(), op, path, data)
	return err
}

func (s *stand) readToken(path string) (token, error) {
	body, err := s.vault.request(context.Background(), logical.ReadOperation, path, nil)
	if err != nil {
		return token{}, err
	}
	var answer struct {
		Data token `json:"data"`
	}
	err = json.Unmarshal(body, &answer)
	return answer.Data, err
}

// withoutGenerations sorts keys of a storage, and takes the random names of generations out of them.
func withoutGenerations(keys []string) []string {
	generation := regexp.MustCompile(`^token/[^/]+/`)
	for i, key := range keys {
		keys[i] = generation.ReplaceAllString(key, "token/…/")
	}
	slices.Sort(keys)
	return keys
}

// sockets counts those that a process has open.
func sockets(t *testing.T, pid int) int {
	t.Helper()
	process, err := procfs.NewProc(pid)
	require.NoError(t, err)
	open, err := process.FileDescriptorTargets()
	require.NoError(t, err)
	return len(slices.DeleteFunc(open, func(target string) bool { return !strings.HasPrefix(target, "socket:") }))
}

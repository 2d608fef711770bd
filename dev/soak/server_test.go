package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// server is a real Vault.
type server struct {
	*vaulttest.Server

	plugin vaulttest.Plugin
	root   *api.Client
	http   http.Client
}

func startServer(t *testing.T) *server {
	t.Helper()
	s := &server{
		// A plugin's race reports are logged as debug.
		Server: vaulttest.StartServer(t, vaulttest.Options{LogLevel: "debug"}),
		plugin: vaulttest.Product(t),
		http:   http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}},
	}
	s.root = s.Root(t)
	s.Register(t, s.plugin)
	vaulttest.Mount(t, s.root, s.plugin, "itwin")
	return s
}

// request implements vault.
func (s *server) request(ctx context.Context, op logical.Operation, path string, data fields) ([]byte, error) {
	method := map[logical.Operation]string{
		logical.ReadOperation: http.MethodGet, logical.UpdateOperation: http.MethodPut, logical.DeleteOperation: http.MethodDelete,
	}[op]
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.Addr+"/v1/itwin/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Vault-Token", s.root.Token())
	response, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = logical.CodedError(response.StatusCode, string(answer))
	}
	return answer, err
}

func (s *server) reload() error {
	_, err := s.root.Sys().ReloadPlugin(&api.ReloadPluginInput{Plugin: s.plugin.Name})
	return err
}

// keys are those of the mount in Vault's storage.
func (s *server) keys(t *testing.T) []string {
	t.Helper()
	mount, err := s.root.Sys().GetMount("itwin")
	require.NoError(t, err)
	var found []string
	for folders := []string{""}; len(folders) > 0; folders = folders[1:] {
		listed, err := s.root.Logical().List("sys/raw/logical/" + mount.UUID + "/" + folders[0])
		require.NoError(t, err)
		for _, key := range listed.Data["keys"].([]any) {
			if name := folders[0] + key.(string); strings.HasSuffix(name, "/") {
				folders = append(folders, name)
			} else {
				found = append(found, name)
			}
		}
	}
	return withoutGenerations(found)
}

// pid is that of the plugin's only process.
func (s *server) pid(t *testing.T) int {
	t.Helper()
	pids := s.PluginPIDs(t, s.plugin)
	require.Len(t, pids, 1)
	return pids[0]
}

// dumpGoroutines ends the plugin with the stacks of all its goroutines, and counts them in Vault's log.
func (s *server) dumpGoroutines(t *testing.T) int {
	t.Helper()
	logged, pid := len(s.Log(t)), s.pid(t)
	require.NoError(t, syscall.Kill(pid, syscall.SIGQUIT))
	header := regexp.MustCompile(`goroutine [1-9]\d* .*\[`) // 0 is a thread's own stack
	count := 0
	vaulttest.Wait(t, 20*time.Second, "all stacks in the log", func() error {
		before := count
		dump := s.Log(t)[logged:]
		count = len(header.FindAllString(dump, -1))
		if count == 0 || count != before || !strings.Contains(dump, "plugin process exited") {
			return fmt.Errorf("%d goroutines so far", count)
		}
		return nil
	})
	return count
}

func TestSoakInARealVault(t *testing.T) { //nolint:paralleltest // it would weigh on the other
	if os.Getenv("SOAK_TIME") == "" {
		t.Skip("it takes minutes to be of use: make soak")
	}
	v := startServer(t)
	s := newStand(t, v)
	s.settle()
	socketsBefore, keysBefore := sockets(t, v.pid(t)), v.keys(t)
	goroutinesBefore := v.dumpGoroutines(t)
	vaulttest.Wait(t, 20*time.Second, "Vault to start the plugin again", func() error { return s.do(logical.ReadOperation, "token", nil) })
	s.soak(50 * time.Millisecond)
	s.settle()
	socketsAfter := sockets(t, v.pid(t))
	require.LessOrEqual(t, socketsAfter, socketsBefore, "sockets")
	require.Equal(t, keysBefore, v.keys(t))
	goroutinesAfter := v.dumpGoroutines(t)
	t.Logf("sockets %d, then %d; goroutines %d, then %d; storage keys %d",
		socketsBefore, socketsAfter, goroutinesBefore, goroutinesAfter, len(keysBefore))
	require.LessOrEqual(t, goroutinesAfter, goroutinesBefore, "goroutines")
	require.NotContains(t, v.Log(t), "DATA RACE")
}

package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// server is a real Vault. Each reader has a connection of its own.
type server struct {
	*vaulttest.Server

	plugin  vaulttest.Plugin
	root    *api.Client
	clients []*api.Client
}

func startServer(t *testing.T) *server {
	t.Helper()
	// A plugin's race reports are logged as debug.
	s := &server{Server: vaulttest.StartServer(t, vaulttest.Options{LogLevel: "debug"}), plugin: vaulttest.Product(t)}
	s.root = s.Root(t)
	for range readers {
		s.clients = append(s.clients, s.Root(t))
	}
	s.Register(t, s.plugin)
	vaulttest.Mount(t, s.root, s.plugin, "itwin")
	return s
}

func refusalOf(err error) error {
	if answer, ok := errors.AsType[*api.ResponseError](err); ok {
		return refusal{answer.StatusCode, strings.Join(answer.Errors, "; ")}
	}
	return err
}

func (s *server) readToken(ctx context.Context, reader int, path string) (token, error) {
	resp, err := s.clients[reader].Logical().ReadRawWithContext(ctx, "itwin/"+path)
	if resp != nil {
		defer func() { _ = resp.Body.Close() }()
	}
	if err != nil {
		return token{}, refusalOf(err)
	}
	var body struct {
		Data token `json:"data"`
	}
	err = json.NewDecoder(resp.Body).Decode(&body)
	return body.Data, err
}

func (s *server) write(path string, data fields) error {
	_, err := s.root.Logical().Write("itwin/"+path, data)
	return refusalOf(err)
}

func (s *server) remove(path string) error {
	_, err := s.root.Logical().Delete("itwin/" + path)
	return refusalOf(err)
}

func (s *server) read(path string) error {
	resp, err := s.root.Logical().ReadRaw("itwin/" + path)
	if resp != nil {
		_ = resp.Body.Close()
	}
	return refusalOf(err)
}

func (s *server) check(path string) error { return s.read(path) }

func (s *server) reload() error {
	_, err := s.root.Sys().ReloadPlugin(&api.ReloadPluginInput{Plugin: s.plugin.Name})
	return refusalOf(err)
}

// keys are those of the mount in Vault's storage, but for the random names of generations.
func (s *server) keys(t *testing.T) []string {
	t.Helper()
	mount, err := s.root.Sys().GetMount("itwin")
	require.NoError(t, err)
	return withoutGenerations(s.list(t, "logical/"+mount.UUID+"/", ""))
}

func (s *server) list(t *testing.T, root, prefix string) []string {
	t.Helper()
	listed, err := s.root.Logical().List("sys/raw/" + root + prefix)
	require.NoError(t, err)
	require.NotNil(t, listed, prefix)
	var keys []string
	for _, key := range listed.Data["keys"].([]any) {
		if name := prefix + key.(string); strings.HasSuffix(name, "/") {
			keys = append(keys, s.list(t, root, name)...)
		} else {
			keys = append(keys, name)
		}
	}
	return keys
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
	header := regexp.MustCompile(`goroutine \d+ .*\[`)
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

// sockets counts those of a process, in proc_pid_fd(5).
func sockets(t *testing.T, pid string) int {
	t.Helper()
	dir := "/proc/" + pid + "/fd"
	open, err := os.ReadDir(dir)
	require.NoError(t, err)
	count := 0
	for _, fd := range open {
		// One may have been closed meanwhile.
		if target, err := os.Readlink(dir + "/" + fd.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			count++
		}
	}
	return count
}

func (s *server) sockets(t *testing.T) int {
	t.Helper()
	return sockets(t, fmt.Sprint(s.pid(t)))
}

func TestSoakInARealVault(t *testing.T) { //nolint:paralleltest // it would weigh on the other
	if os.Getenv("SOAK_TIME") == "" {
		t.Skip("it takes minutes to be of use: make soak")
	}
	ims, v := newIMS(t), startServer(t)
	s := newStand(t, ims, v)
	s.settle()
	sockets, keys := v.sockets(t), v.keys(t)
	goroutines := v.dumpGoroutines(t)
	vaulttest.Wait(t, 20*time.Second, "Vault to start the plugin again", func() error { return v.read("token") })
	s.soak(soakTime(t), 50*time.Millisecond)
	s.settle()
	t.Logf("sockets %d, then %d; storage keys %d", sockets, v.sockets(t), len(keys))
	require.LessOrEqual(t, v.sockets(t), sockets)
	require.Equal(t, keys, v.keys(t))
	after := v.dumpGoroutines(t)
	t.Logf("goroutines %d, then %d", goroutines, after)
	require.LessOrEqual(t, after, goroutines)
	require.NotContains(t, v.Log(t), "DATA RACE")
}

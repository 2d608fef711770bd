package bench

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/bench/floor"
	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	clientID     = "service-bench"
	clientSecret = "bench+secret/with=signs"
	defaultScope = "itwin-platform"

	// Many short rounds suit a machine that has other work better than a few long ones: it disturbs fewer of them.
	rounds    = 15
	roundTime = time.Second
)

// stage is a Vault with the product and the floor mounted.
type stage struct {
	server  *vaulttest.Server
	root    *api.Client
	product vaulttest.Plugin
	answer  map[string]any // of both itwin/token and the floor
	serving []int          // process ids of Vault, the product and the floor
}

// newStage starts a Vault without an audit device, which would cost more than what is measured.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{
		server:  vaulttest.StartServer(t, vaulttest.Options{InMemory: true, LogLevel: "error"}),
		product: vaulttest.Product(t),
	}
	s.root = s.server.Root(t)
	s.server.Register(t, s.product)
	s.mount(t, "itwin", startIMS(t, time.Hour))
	token, err := s.root.Logical().Read("itwin/token")
	require.NoError(t, err)
	s.answer = token.Data

	plugin := floorPlugin(t)
	s.server.Register(t, plugin)
	vaulttest.Mount(t, s.root, plugin, "floor")
	s.write(t, "floor/answer", s.answer)
	s.serving = slices.Concat([]int{s.server.PID()}, s.server.PluginPIDs(t, s.product), s.server.PluginPIDs(t, plugin))
	require.Len(t, s.serving, 3)
	return s
}

// startIMS starts an IMS that knows the app and the scopes of all roles.
func startIMS(t *testing.T, lifetime time.Duration) *emulator.Emulator {
	t.Helper()
	scopes := []string{defaultScope}
	for i := range scopeCount {
		scopes = append(scopes, scopeOf(i))
	}
	ims, err := emulator.Start(emulator.Options{
		Lifetime: lifetime,
		Apps:     []emulator.App{{ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	return ims
}

func floorPlugin(t *testing.T) vaulttest.Plugin {
	t.Helper()
	path := filepath.Join(t.TempDir(), "floor")
	output, err := exec.Command("go", "build", "-o", path, "./floor/plugin").CombinedOutput()
	require.NoError(t, err, string(output))
	return vaulttest.Plugin{Name: "floor", Version: floor.Version, Path: path}
}

// mount enables the product at a path, configured for the app at an IMS.
func (s *stage) mount(t *testing.T, path string, ims *emulator.Emulator) {
	t.Helper()
	vaulttest.Mount(t, s.root, s.product, path)
	s.write(t, path+"/config", config(ims))
}

func config(ims *emulator.Emulator) map[string]any {
	return map[string]any{
		"client_id": clientID, "client_secret": clientSecret, "authority": ims.URL(), "scopes": defaultScope,
	}
}

func (s *stage) write(t *testing.T, path string, data map[string]any) {
	t.Helper()
	_, err := s.root.Logical().Write(path, data)
	require.NoError(t, err)
}

// cpu is the processor time that Vault and the plugins have taken so far, in seconds.
func (s *stage) cpu(t *testing.T) float64 {
	t.Helper()
	var total float64
	for _, pid := range s.serving {
		total += process(t, pid).CPUTime()
	}
	return total
}

// resident is the resident memory of the product's process, in MiB. One process serves all mounts.
func (s *stage) resident(t *testing.T) float64 {
	t.Helper()
	return float64(process(t, s.serving[1]).ResidentMemory()) / (1 << 20)
}

func process(t *testing.T, pid int) procfs.ProcStat {
	t.Helper()
	proc, err := procfs.NewProc(pid)
	require.NoError(t, err)
	stat, err := proc.Stat()
	require.NoError(t, err)
	return stat
}

// machine describes in a sentence what was measured on.
func machine(t *testing.T, vault *stage) string {
	t.Helper()
	health, err := vault.root.Sys().Health()
	require.NoError(t, err)
	proc, err := procfs.NewDefaultFS()
	require.NoError(t, err)
	processors, err := proc.CPUInfo()
	require.NoError(t, err)
	return fmt.Sprintf("Measured on %d cores of %s (%s), shared by Vault %s, the plugins, the emulator and the readers; "+
		"%s; inmem storage, no audit device; tokens of %d bytes; %d rounds of %s a side unless said otherwise.",
		runtime.NumCPU(), processors[0].ModelName, runtime.GOARCH, health.Version, runtime.Version(),
		len(vault.answer["access_token"].(string)), rounds, roundTime)
}

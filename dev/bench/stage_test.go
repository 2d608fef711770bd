package bench

import (
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"vault-plugin-secrets-itwin/dev/bench/floor"
	"vault-plugin-secrets-itwin/dev/bench/measure"
	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	clientID     = "service-bench"
	clientSecret = "bench+secret/with=signs"
	defaultScope = "itwin-platform"

	// Many short rounds bear a machine that has other work better than a few long ones: it disturbs fewer of them.
	rounds    = 15
	roundTime = time.Second
)

// stage is a Vault with the product and the floor mounted, and the IMS of the mount at itwin.
type stage struct {
	server  *vaulttest.Server
	root    *api.Client
	product vaulttest.Plugin
	ims     *emulator.Emulator
	serving []int // process ids of Vault and both plugins
}

// newStage starts a Vault without an audit device, which would cost more than what is measured.
func newStage(b *testing.B) *stage {
	b.Helper()
	s := &stage{
		server:  vaulttest.StartServer(b, vaulttest.Options{InMemory: true, LogLevel: "error"}),
		product: vaulttest.Product(b),
		ims:     startIMS(b, time.Hour, defaultScope),
	}
	s.root = s.server.Root(b)
	s.server.Register(b, s.product)
	s.mount(b, "itwin", s.ims)

	plugin := floorPlugin(b)
	s.server.Register(b, plugin)
	vaulttest.Mount(b, s.root, plugin, "floor")
	s.levelFloor(b)
	s.serving = slices.Concat([]int{s.server.PID()}, s.server.PluginPIDs(b, s.product), s.server.PluginPIDs(b, plugin))
	require.Len(b, s.serving, 3)
	return s
}

func startIMS(b *testing.B, lifetime time.Duration, scopes ...string) *emulator.Emulator {
	b.Helper()
	ims, err := emulator.Start(emulator.Options{
		Lifetime: lifetime,
		Apps:     []emulator.App{{ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes}},
	})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, ims.Close()) })
	return ims
}

func floorPlugin(b *testing.B) vaulttest.Plugin {
	b.Helper()
	path := filepath.Join(b.TempDir(), "floor")
	output, err := exec.Command("go", "build", "-o", path, "./floor/plugin").CombinedOutput()
	require.NoError(b, err, string(output))
	return vaulttest.Plugin{Name: "floor", Version: floor.Version, Path: path}
}

// mount enables the product at a path, configured for the app at an IMS.
func (s *stage) mount(b *testing.B, path string, ims *emulator.Emulator) {
	b.Helper()
	vaulttest.Mount(b, s.root, s.product, path)
	s.write(b, path+"/config", map[string]any{
		"client_id": clientID, "client_secret": clientSecret, "authority": ims.URL(), "scopes": defaultScope,
	})
}

func (s *stage) write(b *testing.B, path string, data map[string]any) {
	b.Helper()
	_, err := s.root.Logical().Write(path, data)
	require.NoError(b, err)
}

// levelFloor gives the floor the product's own answer, so that both send the same bytes.
func (s *stage) levelFloor(b *testing.B) {
	b.Helper()
	s.write(b, "floor/answer", s.answer(b))
}

func (s *stage) answer(b *testing.B) map[string]any {
	b.Helper()
	secret, err := s.root.Logical().Read("itwin/token")
	require.NoError(b, err)
	require.Contains(b, secret.Data, "access_token")
	return secret.Data
}

func (s *stage) client(b *testing.B, connections int) *measure.Client {
	b.Helper()
	c := measure.NewClient(s.server.Addr, s.root.Token(), connections)
	b.Cleanup(c.Close)
	return c
}

// load carries a plan out and counts the processor time that Vault and the plugins took for it.
func (s *stage) load(b *testing.B, c *measure.Client, plan measure.Plan) (measure.Load, error) {
	b.Helper()
	before := s.cpu(b)
	load, err := c.Read(plan)
	load.CPU = s.cpu(b) - before
	return load, err
}

// versus compares two plans over the same connections, after each was warmed up.
func (s *stage) versus(b *testing.B, c *measure.Client, n int, product, other measure.Plan) []measure.Pair[measure.Load] {
	b.Helper()
	for _, plan := range []measure.Plan{product, other} {
		plan.Duration = time.Second
		_, err := c.Read(plan)
		require.NoError(b, err)
	}
	pairs, err := measure.Interleave(n,
		func() (measure.Load, error) { return s.load(b, c, product) },
		func() (measure.Load, error) { return s.load(b, c, other) })
	require.NoError(b, err)
	return pairs
}

// always reads one path again and again.
func always(path string) func() string { return func() string { return path } }

// inTurn reads one path after the other, and then the first again.
func inTurn(paths []string) func() string {
	var mu sync.Mutex
	next := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		next++
		return paths[(next-1)%len(paths)]
	}
}

// forEach does something with every path, a few at a time.
func forEach(b *testing.B, paths []string, do func(path string) error) {
	b.Helper()
	group := errgroup.Group{}
	group.SetLimit(8)
	for _, path := range paths {
		group.Go(func() error { return do(path) })
	}
	require.NoError(b, group.Wait())
}

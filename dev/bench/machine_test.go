package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine says in a sentence what was measured on.
func machine(b *testing.B, vault *stage) string {
	b.Helper()
	health, err := vault.root.Sys().Health()
	require.NoError(b, err)
	token, ok := vault.answer(b)["access_token"].(string)
	require.True(b, ok)
	return fmt.Sprintf("Measured on %d cores of %s (%s), shared by Vault %s, the plugins, the emulator and the readers; "+
		"%s; inmem storage, no audit device; tokens of %d bytes; %d rounds of %s a side unless said otherwise.",
		runtime.NumCPU(), processor(), runtime.GOARCH, health.Version, runtime.Version(), len(token), rounds, roundTime)
}

// processor is the model that Linux names.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // without it the model stays unnamed
	_, rest, found := strings.Cut(string(info), "model name")
	if !found {
		return "an unnamed processor"
	}
	name, _, _ := strings.Cut(rest, "\n")
	return strings.TrimLeft(name, "\t: ")
}

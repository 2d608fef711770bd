package release

import (
	"maps"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABinaryThatTheEnvironmentHadASayInIsRefused(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"-buildmode": "exe", "-compiler": "gc", "-trimpath": "true", "DefaultGODEBUG": "tlsmlkem=0",
		"CGO_ENABLED": "0", "GOARCH": "arm", "GOOS": "linux", "GOARM": "7",
	}
	for name, c := range map[string]struct {
		key, value string
		says       string
	}{
		"as it should be":      {"GOOS", "linux", ""},
		"with C":               {"CGO_ENABLED", "1", "built with CGO_ENABLED=1, which releases aren't: see `go env CGO_ENABLED`"},
		"an experiment":        {"GOEXPERIMENT", "jsonv2", "see `go env GOEXPERIMENT`"},
		"another processor":    {"GOARM", "5", "built with GOARM=5"},
		"tags":                 {"-tags", "x", "built with -tags=x"},
		"the state of git":     {"vcs.revision", "abc", "built with vcs.revision=abc"},
		"the builder's paths":  {"-trimpath", "", "built with -trimpath="},
		"a race detector":      {"-race", "true", "built with -race=true"},
		"flags for the linker": {"-ldflags", "-X a=b", "built with -ldflags=-X a=b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorded := maps.Clone(good)
			recorded[c.key] = c.value
			var settings []debug.BuildSetting
			for key, value := range recorded {
				settings = append(settings, debug.BuildSetting{Key: key, Value: value})
			}
			err := checkSettings(Platform{"linux", "arm"}, settings)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestABinaryThatDoesNotSayHowItWasBuiltIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, checkSettings(Platform{"linux", "amd64"}, nil), "built without ")
}

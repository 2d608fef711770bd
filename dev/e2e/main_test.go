package e2e

import (
	"flag"
	"log/slog"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write testdata/openapi.golden.json anew")
	// The emulator's OIDC library logs each route and each refused request to the default logger.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

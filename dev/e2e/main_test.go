package e2e

import (
	"log/slog"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	// The emulator's OIDC library logs each route and each refused request to the default logger.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

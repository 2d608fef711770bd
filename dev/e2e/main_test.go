// Package e2e tests the built plugin in real Vault servers, in real time: what holds only between processes, or only
// over HTTP. Rules that a clock handed in can show are tested beside the code they are in.
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

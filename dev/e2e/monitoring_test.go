package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const monitoringPage = "docs/monitoring.md"

// monitored is a desk with examples/monitoring set up on it.
type monitored struct {
	*desk

	folder     string // its own copy of examples/monitoring
	prometheus string // the path of the program
}

// TestMonitoring sets examples/monitoring up as the page says, and lets a real Prometheus watch a mount through an outage.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	m := newMonitored(t)
	m.cues = []*cue{{at: "itwin/status", after: func(t *testing.T, output string) {
		t.Helper()
		require.Contains(t, output, "secret_age")
	}}}
	m.work(monitoringPage)
	t.Run("the page lists each metric with its kind, and no other", m.testPageListsMetrics)
	t.Run("rules and dashboard name no other metrics", m.testExpressionsNameMetrics)
	t.Run("Prometheus' token reads nothing else", m.testTokenReadsMetricsAlone)
	m.watchOutage()
}

func newMonitored(t *testing.T) *monitored {
	t.Helper()
	prometheus, promtool := programs.Find(t, "prometheus"), programs.Find(t, "promtool")
	m := &monitored{desk: newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"}), prometheus: prometheus}
	require.NoError(t, os.Symlink(promtool, filepath.Join(m.bin, "promtool")))
	m.folder = filepath.Join(m.dir, "examples", "monitoring")
	require.NoError(t, os.CopyFS(m.folder, os.DirFS(examplePath("monitoring"))))
	return m
}

// metrics are the kinds of the metrics that the mount shows, by their names.
func (m *monitored) metrics() map[string]string {
	m.t.Helper()
	raw, err := m.root.Logical().ReadRaw("itwin/metrics")
	require.NoError(m.t, err)
	defer func() { require.NoError(m.t, raw.Body.Close()) }()
	var text strings.Builder
	_, err = io.Copy(&text, raw.Body)
	require.NoError(m.t, err)
	return kinds(regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`), text.String())
}

// kinds are a pattern's second groups by its first.
func kinds(pattern *regexp.Regexp, text string) map[string]string {
	found := make(map[string]string)
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found[match[1]] = match[2]
	}
	return found
}

func (m *monitored) testPageListsMetrics(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repositoryPath, monitoringPage))
	require.NoError(t, err)
	require.Equal(t, m.metrics(), kinds(regexp.MustCompile("(?m)^\\| `(itwin_\\w+)` \\| (\\w+) \\|"), string(page)))
}

func (m *monitored) testExpressionsNameMetrics(t *testing.T) {
	known := m.metrics()
	for _, file := range []string{"alerts.yaml", "alerts_test.yaml", "dashboard.json"} {
		names := regexp.MustCompile(`\bitwin_\w+`).FindAllString(readExample(t, "monitoring", file), -1)
		require.NotEmpty(t, names, file)
		for _, name := range names {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			require.Containsf(t, known, base, "%s names %s", file, name)
		}
	}
}

func (m *monitored) testTokenReadsMetricsAlone(t *testing.T) {
	client := m.server.Client(t, m.vaultToken())
	for _, path := range []string{"itwin/token", "itwin/config", "itwin/status", "itwin/role/viewer"} {
		_, err := client.Logical().Read(path)
		requireStatus(t, err, http.StatusForbidden)
	}
}

// vaultToken is the one that setup.sh has written.
func (m *monitored) vaultToken() string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.folder, "vault-token"))
	require.NoError(m.t, err)
	return strings.TrimSpace(string(text))
}

// watchOutage takes the app through all of an outage, with tokens that live for 40 s: they rotate after 20 s and are
// handed out until 4 s before their end.
func (m *monitored) watchOutage() {
	m.t.Helper()
	m.ims.SetLifetime(40 * time.Second)
	m.mustWrite("itwin/rotate", nil)
	p := startPrometheus(m)
	p.waitFor(`increase(itwin_reads_total{mount="itwin",app="config",outcome="fresh"}[1m]) > 0`)
	require.Empty(m.t, p.query(`ALERTS`), "a healthy mount raised an alert")

	m.ims.Fault(emulator.Fault{Status: http.StatusServiceUnavailable})
	p.waitAlert("ITwinReadersDegraded")
	for title, expressions := range readDashboard(m.t).expressions() {
		for _, expression := range expressions {
			p.requireData(title, expression)
		}
	}
	p.waitAlert("ITwinTokenEnding")
	p.waitAlert("ITwinMintingFails")
	p.waitAlert("ITwinReadersFail")

	m.ims.Heal()
	require.NoError(m.t, m.root.Auth().Token().RevokeTree(m.vaultToken()))
	p.waitAlert("ITwinMetricsMissing")
}

// readAndLook reads a token, whatever comes of it, and fails where the expression has no data.
func (m *monitored) readAndLook(p *prometheus, expression string) error {
	_, _ = readToken(m.t.Context(), m.root, "itwin/token") // failures are part of an outage
	if len(p.query(expression)) == 0 {
		return fmt.Errorf("no data for %s", expression)
	}
	return nil
}

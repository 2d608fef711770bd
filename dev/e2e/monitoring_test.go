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

	query "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const monitoringPage = "docs/monitoring.md"

// monitored is a desk with examples/monitoring set up on it.
type monitored struct {
	*desk

	folder string // its own copy of examples/monitoring
}

// TestMonitoring sets examples/monitoring up as the page says, and lets a real Prometheus watch a mount through an outage.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	program, promtool := programs.Find(t, "prometheus"), programs.Find(t, "promtool")
	m := &monitored{desk: newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	require.NoError(t, os.Symlink(promtool, filepath.Join(m.bin, "promtool")))
	m.folder = filepath.Join(m.dir, "examples", "monitoring")
	require.NoError(t, os.CopyFS(m.folder, os.DirFS(examplePath("monitoring"))))
	m.cues = []*cue{{at: "itwin/status", after: func(t *testing.T, output string) {
		t.Helper()
		require.Contains(t, output, "secret_age")
	}}}
	m.work(monitoringPage)
	m.requireMetricsByTheirNames()
	m.requireTokenForMetricsAlone()
	m.watchOutage(program)
}

// requireMetricsByTheirNames compares those that the mount shows with the page's table, and with what the examples name.
func (m *monitored) requireMetricsByTheirNames() {
	m.t.Helper()
	raw, err := m.root.Logical().ReadRaw("itwin/metrics")
	require.NoError(m.t, err)
	defer func() { _ = raw.Body.Close() }()
	shown, err := io.ReadAll(raw.Body)
	require.NoError(m.t, err)
	page, err := os.ReadFile(filepath.Join(repositoryPath, monitoringPage))
	require.NoError(m.t, err)
	kinds := make(map[string]string)
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`).FindAllStringSubmatch(string(shown), -1) {
		kinds[match[1]] = match[2]
	}
	listed := make(map[string]string)
	for _, match := range regexp.MustCompile("(?m)^\\| `(itwin_\\w+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(page), -1) {
		listed[match[1]] = match[2]
	}
	require.Equal(m.t, kinds, listed)
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		for _, name := range regexp.MustCompile(`\bitwin_\w+`).FindAllString(readExample(m.t, "monitoring", file), -1) {
			require.Contains(m.t, kinds, regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, ""), file)
		}
	}
}

func (m *monitored) requireTokenForMetricsAlone() {
	m.t.Helper()
	client := m.server.Client(m.t, m.vaultToken())
	for _, path := range []string{"itwin/token", "itwin/config", "itwin/status", "itwin/role/viewer"} {
		_, err := client.Logical().Read(path)
		requireStatus(m.t, err, http.StatusForbidden)
	}
}

// vaultToken is the one that setup.sh has written.
func (m *monitored) vaultToken() string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.folder, "vault-token"))
	require.NoError(m.t, err)
	return strings.TrimSpace(string(text))
}

// watchOutage takes the app through all of an outage, with tokens that live for 20 s: they rotate after 10 s and are
// handed out until 2 s before their end.
func (m *monitored) watchOutage(program string) {
	m.t.Helper()
	m.ims.SetLifetime(20 * time.Second)
	m.mustWrite("itwin/rotate", nil)
	p := startPrometheus(m, program)
	p.waitFor(`increase(itwin_reads_total{mount="itwin",app="config",outcome="fresh"}[1m]) > 0`)
	alerts, err := p.query(`ALERTS`)
	require.NoError(m.t, err)
	require.Empty(m.t, alerts, "a healthy mount raised an alert")

	m.ims.Fault(emulator.Fault{Status: http.StatusServiceUnavailable})
	p.waitAlert("ITwinReadersDegraded")
	p.requireDataInEachPanel()
	p.waitAlert("ITwinTokenEnding")
	p.waitAlert("ITwinMintingFails")
	p.waitAlert("ITwinReadersFail")

	m.ims.Heal()
	require.NoError(m.t, m.root.Auth().Token().RevokeTree(m.vaultToken()))
	p.waitAlert("ITwinMetricsMissing")
}

// requireDataInEachPanel puts in what Grafana would for the dashboard's variables. Prometheus refuses any other.
func (p *prometheus) requireDataInEachPanel() {
	p.m.t.Helper()
	variables := strings.NewReplacer("$mount", "itwin", "$app", "config", "$__rate_interval", "1m", "$__range", "1h")
	for _, panel := range readDashboard(p.m.t).Panels {
		for _, target := range panel.Panel.Targets {
			expression := target.(*query.Dataquery).Expr
			values, err := p.query(variables.Replace(expression))
			require.NoError(p.m.t, err, expression)
			require.NotEmpty(p.m.t, values, expression)
			require.NotContains(p.m.t, values, "NaN", expression)
		}
	}
}

func (p *prometheus) waitAlert(name string) {
	p.m.t.Helper()
	p.waitFor(fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing"}`, name))
}

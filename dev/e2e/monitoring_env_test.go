package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// outageTime is the most that the part of an outage takes which a test waits for, on a busy machine.
const outageTime = 2 * time.Minute

// prometheus is a Prometheus that scrapes the mount each second.
type prometheus struct {
	m    *monitored
	addr string
}

// startPrometheus runs the examples, quicker than they stand.
func startPrometheus(m *monitored) *prometheus {
	m.t.Helper()
	m.hasten()
	p := &prometheus{m: m, addr: vaulttest.FreeAddress(m.t)}
	log, err := os.Create(filepath.Join(m.dir, "prometheus.log"))
	require.NoError(m.t, err)
	cmd := exec.Command(m.prometheus, "--config.file="+filepath.Join(m.folder, "prometheus.yaml"),
		"--storage.tsdb.path="+filepath.Join(m.dir, "tsdb"), "--web.listen-address="+p.addr)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(m.t, cmd.Start())
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()         // reports that it was killed
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && m.t.Failed() {
			m.t.Logf("Prometheus logged: %s", text)
		}
	})
	vaulttest.Wait(m.t, time.Minute, "Prometheus to answer", p.ready)
	return p
}

// hasten changes the copies of the examples: seconds for minutes, and this Vault in the place of the user's.
func (m *monitored) hasten() {
	m.t.Helper()
	m.edit("prometheus.yaml", func(text string) string {
		for _, change := range [][2]string{
			{"rule_files:", "global: {evaluation_interval: 1s}\nrule_files:"},
			{"scrape_interval: 30s", "scrape_interval: 1s"},
			{"scheme: https", "scheme: http"},
			{"vault.example.com:8200", strings.TrimPrefix(m.server.Addr, "http://")},
		} {
			require.Equal(m.t, 1, strings.Count(text, change[0]), change[0])
			text = strings.Replace(text, change[0], change[1], 1)
		}
		return text
	})
	m.edit("alerts.yaml", func(text string) string {
		return regexp.MustCompile(`(?m)^( +for:) \d+[mh]$`).ReplaceAllString(text, "$1 1s")
	})
}

func (m *monitored) edit(name string, change func(string) string) {
	m.t.Helper()
	path := filepath.Join(m.folder, name)
	text, err := os.ReadFile(path)
	require.NoError(m.t, err)
	require.NoError(m.t, os.WriteFile(path, []byte(change(string(text))), 0o600))
}

func (p *prometheus) ready() error {
	resp, err := http.Get("http://" + p.addr + "/-/ready")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}

// query returns the values of an expression now, one for each series.
func (p *prometheus) query(expression string) []string {
	p.m.t.Helper()
	resp, err := http.Get("http://" + p.addr + "/api/v1/query?query=" + url.QueryEscape(expression))
	require.NoError(p.m.t, err)
	defer func() { require.NoError(p.m.t, resp.Body.Close()) }()
	var answer struct {
		Status, Error string
		Data          struct{ Result []struct{ Value [2]any } }
	}
	require.NoError(p.m.t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(p.m.t, "success", answer.Status, "%s: %s", expression, answer.Error)
	var values []string
	for _, series := range answer.Data.Result {
		values = append(values, fmt.Sprint(series.Value[1]))
	}
	return values
}

// waitFor reads tokens until an expression has data.
func (p *prometheus) waitFor(expression string) {
	p.m.t.Helper()
	vaulttest.Wait(p.m.t, outageTime, expression, func() error { return p.m.readAndLook(p, expression) })
}

func (p *prometheus) waitAlert(name string) {
	p.m.t.Helper()
	p.waitFor(fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing"}`, name))
}

// requireData puts in what Grafana would for a dashboard's variables.
func (p *prometheus) requireData(panel, expression string) {
	p.m.t.Helper()
	values := p.query(strings.NewReplacer(
		"$mount", "itwin", "$app", "config", "$__rate_interval", "1m", "$__range", "1h",
	).Replace(expression))
	require.NotEmptyf(p.m.t, values, "%s: %s", panel, expression)
	require.NotContainsf(p.m.t, values, "NaN", "%s: %s", panel, expression)
}

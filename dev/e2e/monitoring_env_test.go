package e2e

import (
	"encoding/json"
	"errors"
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

// startPrometheus runs the examples, with seconds instead of minutes and this Vault instead of the user's.
func startPrometheus(m *monitored, program string) *prometheus {
	m.t.Helper()
	m.edit("prometheus.yaml", strings.NewReplacer(
		"rule_files:", "global: {evaluation_interval: 1s}\nrule_files:", "scrape_interval: 30s", "scrape_interval: 1s",
		"scheme: https", "scheme: http", "vault.example.com:8200", strings.TrimPrefix(m.server.Addr, "http://"),
	).Replace)
	m.edit("alerts.yaml", func(text string) string {
		return regexp.MustCompile(`(?m)^( +for:) \d+[mh]$`).ReplaceAllString(text, "$1 1s")
	})
	p := &prometheus{m: m, addr: vaulttest.FreeAddress(m.t)}
	log, err := os.Create(filepath.Join(m.dir, "prometheus.log"))
	require.NoError(m.t, err)
	cmd := exec.Command(program, "--config.file="+filepath.Join(m.folder, "prometheus.yaml"),
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
	return p
}

// edit changes the copy of an example.
func (m *monitored) edit(name string, change func(string) string) {
	m.t.Helper()
	path := filepath.Join(m.folder, name)
	text, err := os.ReadFile(path)
	require.NoError(m.t, err)
	require.NoError(m.t, os.WriteFile(path, []byte(change(string(text))), 0o600))
}

// query returns the values of an expression now, one for each series.
func (p *prometheus) query(expression string) ([]string, error) {
	resp, err := http.Get("http://" + p.addr + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Error string
		Data  struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	var values []string
	for _, series := range answer.Data.Result {
		values = append(values, fmt.Sprint(series.Value[1]))
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return values, nil
}

// waitFor reads tokens until an expression has data, whatever comes of the reads: failures are part of an outage.
func (p *prometheus) waitFor(expression string) {
	p.m.t.Helper()
	vaulttest.Wait(p.m.t, outageTime, expression, func() error {
		p.m.read("itwin/token")
		values, err := p.query(expression)
		if err == nil && len(values) == 0 {
			err = errNotYet
		}
		return err
	})
}

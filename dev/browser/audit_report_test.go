package browser

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/programs"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// hostile is a name that would run in a careless page.
const hostile = `<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"'{{.}}`

func TestReportIsGoodToLookAtEverywhereAndLetsNothingIn(t *testing.T) {
	t.Parallel()
	chromium := programs.Find(t, "chromium")
	page := open(t, chromium, "file://"+report(t))
	requireNothingGotIn(t, page)
	for _, view := range []struct {
		name, medium, scheme string
		width                int64
		background           string
	}{
		{"light", "screen", "light", 1300, "rgb(246, 247, 249)"},
		{"dark", "screen", "dark", 1300, "rgb(18, 22, 28)"},
		{"smaller", "screen", "light", 800, "rgb(246, 247, 249)"},
		{"narrow", "screen", "light", 390, "rgb(246, 247, 249)"},
		{"narrow-dark", "screen", "dark", 390, "rgb(18, 22, 28)"},
		{"printed", "print", "dark", 800, "rgb(255, 255, 255)"},
	} {
		page.show(view.width, view.medium, view.scheme)
		require.Equal(t, view.background, page.evaluate("getComputedStyle(document.body).backgroundColor"), view.name)
		require.Equal(t, "true", page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "%s is too wide", view.name)
		require.Equal(t, "0", page.evaluate(faint), "%s has text that is hard to read", view.name)
		requireReadableFailures(t, page, view.name, view.width)
		if dir := os.Getenv("SCREENSHOTS"); dir != "" {
			page.screenshot(filepath.Join(dir, view.name+".png"))
		}
	}
}

// requireReadableFailures has the errors of an outage, of some 300 characters each, be read without scrolling.
func requireReadableFailures(t *testing.T, page *page, view string, width int64) {
	t.Helper()
	require.Equal(t, "3", page.evaluate("document.querySelectorAll('#failed .reason').length"), "causes")
	require.Equal(t, "true", page.evaluate(`[...document.querySelectorAll('#failed .reason td')].every(e => e.innerText.length > 250)`))
	if width < 800 {
		return // there, tables scroll
	}
	require.Equal(t, "true", page.evaluate(`(e => e.scrollWidth <= e.clientWidth)(document.querySelector('#failed .wide'))`), view)
	require.Equal(t, "true", page.evaluate(`[...document.querySelectorAll('#failed .reason td')].every(e =>
	  e.getBoundingClientRect().width > innerWidth * 0.7 && e.getBoundingClientRect().height < 110)`), view)
}

// faint counts the elements whose text stands out from its background by less than 4.5 to 1, WCAG's limit.
const faint = `(() => {
  const parts = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = parts(c).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const under = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (parts(c)[3] !== 0) return c; }
    return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('h1, h2, p, li b, li span, th, td, svg text, svg tspan')].filter(e => {
    if (!e.textContent.trim()) return false;
    const style = getComputedStyle(e), a = light(e.closest('svg') ? style.fill : style.color), b = light(under(e));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5; }).length;
})()`

func requireNothingGotIn(t *testing.T, page *page) {
	t.Helper()
	require.EqualValues(t, 1, page.requests.Load(), "the page asks for nothing but itself")
	require.Zero(t, page.complaints.Load(), "such as a violation of the page's own policy")
	require.NotEqual(t, "owned", page.evaluate("document.title"))
	require.Equal(t, "0", page.evaluate("document.querySelectorAll('script, img, link, [onerror], [style]').length"))
	require.Equal(t, "true", page.evaluate("document.body.innerText.includes("+"`<img src=x onerror=`"+")"))
	for _, section := range []string{"new_readers", "denied", "failed", "changes", "wrapped", "reads"} {
		require.NotEqual(t, "0", page.evaluate("document.querySelectorAll('#"+section+" tbody tr').length"), section)
	}
	require.NotEqual(t, "0", page.evaluate("document.querySelectorAll('svg rect').length"))
}

// report is the page of a log of three days, with one reader who calls himself something else.
func report(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	begin := time.Now().Add(-72 * time.Hour).UTC()
	var log bytes.Buffer
	workload := auditlogtest.Workload{Begin: begin, Lines: 10_000, Every: 52 * time.Second, Readers: 14, Roles: 4, Others: 3}
	_, err := workload.WriteTo(&log)
	require.NoError(t, err)
	log.Write(auditlogtest.Line{
		Time: begin.Add(60 * time.Hour), Display: hostile, Entity: hostile, Policy: hostile, Path: "itwin/token/" + hostile, Token: "t",
	}.Append(nil))
	log.Write(outage(begin.Add(50 * time.Hour)))
	file, page := filepath.Join(dir, "audit.log"), filepath.Join(dir, "report.html")
	require.NoError(t, os.WriteFile(file, log.Bytes(), 0o600))
	cmd := exec.Command("go", "run", "./cmd/itwin-audit", "summary", "--since", "48h", "--format", "html", "--output", page, file)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return page
}

// outage is a log of 70 minutes in which reads fail for three causes, each error with an id and times of its own.
func outage(begin time.Time) []byte {
	var log []byte
	causes := []string{
		"stage DNS: no such host", "stage connect: the connection was refused", "stage TLS: the certificate is not signed by a trusted authority",
	}
	for i := range 210 {
		at := begin.Add(time.Duration(i) * 20 * time.Second)
		log = auditlogtest.Line{
			Time: at, Display: fmt.Sprint("userpass-reader", i%14), Policy: "p", Path: fmt.Sprint("itwin/token/role-", i%4),
			Error: fmt.Sprintf("IMS at ims.bentley.com can't be reached, %s (correlation id 8a6e0804-2bd0-4672-b79d-%012d); failing since %s, "+
				"next attempt at %s. Check the name resolution, the route and the firewall of the server that Vault runs on, and set "+
				"HTTPS_PROXY for the plugin if there is a proxy", causes[i/70], i, begin.Format(time.RFC3339), at.Format(time.RFC3339)),
		}.Append(log)
	}
	return log
}

package browser

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// hostile is a name that would run in a careless page.
const hostile = `<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"'{{.}}`

func TestReportIsGoodToLookAtEverywhereAndLetsNothingIn(t *testing.T) {
	t.Parallel()
	page := open(t, "file://"+report(t))
	requireNothingGotIn(t, page)
	for _, view := range []struct {
		medium, scheme string
		width          int64
		background     string
	}{
		{"screen", "light", 1300, "rgb(246, 247, 249)"},
		{"screen", "dark", 390, "rgb(18, 22, 28)"},
		{"print", "dark", 800, "rgb(255, 255, 255)"},
	} {
		page.show(view.width, view.medium, view.scheme)
		require.Equal(t, view.background, page.evaluate("getComputedStyle(document.body).backgroundColor"), view)
		require.Equal(t, "true", page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "%v is too wide", view)
		require.Equal(t, "0", page.evaluate(faint), "%v has text that is hard to read", view)
		if view.width >= 800 { // below, tables scroll
			require.Equal(t, "3", page.evaluate(readable), "%v has errors that can't be read without scrolling", view)
		}
	}
}

// readable counts the errors, of some 300 characters each, that are read without scrolling.
const readable = `[...document.querySelectorAll('#failed .reason td')].filter(e => e.innerText.length > 250 &&
  e.getBoundingClientRect().width > innerWidth * 0.7 && e.getBoundingClientRect().height < 110 &&
  e.closest('.wide').scrollWidth <= e.closest('.wide').clientWidth).length`

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
	require.Equal(t, "true", page.evaluate("document.body.innerText.includes('<img src=x onerror=')"))
	for _, section := range []string{"new_readers", "denied", "failed", "changes", "wrapped", "reads"} {
		require.NotEqual(t, "0", page.evaluate("document.querySelectorAll('#"+section+" tbody tr').length"), section)
	}
	require.NotEqual(t, "0", page.evaluate("document.querySelectorAll('svg rect').length"))
}

// report is the page of a log of three days, with a reader whose name is HTML, and three long errors.
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
	for _, cause := range []string{
		"DNS: no such host", "connect: the connection was refused", "TLS: the certificate is not signed by a trusted authority",
	} {
		log.Write(auditlogtest.Line{
			Time: begin.Add(61 * time.Hour), Display: "userpass-reader1", Policy: "p", Path: "itwin/token/role-1",
			Error: "IMS at ims.bentley.com can't be reached, stage " + cause + " (correlation id 8a6e0804-2bd0-4672-b79d-000000000000); " +
				"failing since 2026-11-23T12:43:46Z, next attempt at 2026-11-23T12:44:46Z. Check the name resolution, the route and the " +
				"firewall of the server that Vault runs on, and set HTTPS_PROXY for the plugin if there is a proxy",
		}.Append(nil))
	}
	file, page := filepath.Join(dir, "audit.log"), filepath.Join(dir, "report.html")
	require.NoError(t, os.WriteFile(file, log.Bytes(), 0o600))
	cmd := exec.Command("go", "run", "./cmd/itwin-audit", "summary", "--since", "48h", "--format", "html", "--output", page, file)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return page
}

package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// situation brings a text about that the page explains below a heading, and returns it.
type situation func(t *testing.T, d *desk) string

func TestTroubleshootingPageQuotesWhatIsSaid(t *testing.T) {
	t.Parallel()
	d := newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	quotes := quotedTexts(readPage(t, "docs/troubleshooting.md"))
	situations := situations()
	for heading := range quotes {
		require.Containsf(t, situations, heading, "no situation brings these texts about")
	}
	for heading, causes := range situations {
		t.Run(heading, func(t *testing.T) {
			said := make([]string, 0, len(causes))
			for _, cause := range causes {
				said = append(said, cause(t, d))
			}
			requireQuoted(t, quotes[heading], said)
		})
	}
	d.cues = []*cue{{at: "vault list sys/quotas", before: func(*testing.T) {
		d.mustWrite("sys/quotas/rate-limit/all", fields{"rate": 10000})
	}}}
	d.work("docs/troubleshooting.md")
}

// quotedTexts are the lines of a page's blocks of text, by heading.
func quotedTexts(page markdownPage) map[string][]string {
	quotes := make(map[string][]string)
	for _, block := range page.Blocks {
		if block.Info == "text" {
			lines := strings.Split(strings.TrimSpace(block.Text), "\n")
			quotes[block.Heading] = append(quotes[block.Heading], lines...)
		}
	}
	return quotes
}

// requireQuoted wants each quote among what was said, and each saying quoted. "…" in a quote stands for anything.
func requireQuoted(t *testing.T, quotes, said []string) {
	t.Helper()
	explained := make([]bool, len(said))
	for _, quote := range quotes {
		pattern := regexp.MustCompile("(?s)" + strings.ReplaceAll(regexp.QuoteMeta(quote), "…", ".*"))
		found := false
		for i, text := range said {
			if pattern.MatchString(text) {
				found, explained[i] = true, true
			}
		}
		require.Truef(t, found, "nobody says:\n%s\nbut:\n%s", quote, strings.Join(said, "\n"))
	}
	for i, text := range said {
		require.Truef(t, explained[i], "the page doesn't quote:\n%s", text)
	}
}

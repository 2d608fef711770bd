package e2e

import (
	"crypto/tls"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// TestTroubleshootingPageQuotesWhatIsSaid causes one text of each kind in a real Vault, which the page has to quote. The
// other quotes have to consist of texts in the plugin's source; tests beside the source show when it returns them.
func TestTroubleshootingPageQuotesWhatIsSaid(t *testing.T) {
	t.Parallel()
	const page = "docs/troubleshooting.md"
	d := newMountedDesk(t, vaulttest.Options{InMemory: true, LogLevel: "info"})
	quotes := quotesByHeading(t, page)
	for heading, situations := range situations() {
		for _, situation := range situations {
			said := situation(d)
			unsaid := slices.DeleteFunc(slices.Clone(quotes[heading]), func(quote string) bool { return quotePattern(quote).MatchString(said) })
			require.Lessf(t, len(unsaid), len(quotes[heading]), "below %q, the page doesn't quote:\n%s", heading, said)
			quotes[heading] = unsaid
		}
	}
	source := sourceTexts(t)
	for heading, unsaid := range quotes {
		for _, quote := range unsaid {
			require.Truef(t, consistsOf(source, quote), "below %q, nothing says:\n%s", heading, quote)
		}
	}
	d.cues = []*cue{{at: "vault list sys/quotas", before: func(*testing.T) {
		d.mustWrite("sys/quotas/rate-limit/all", fields{"rate": 10000})
	}}}
	d.work(page)
}

func quotesByHeading(t *testing.T, page string) map[string][]string {
	t.Helper()
	quotes := make(map[string][]string)
	for _, block := range readPage(t, page).Blocks {
		if block.Info == "text" {
			quotes[block.Heading] = append(quotes[block.Heading], strings.Split(strings.TrimSpace(block.Text), "\n")...)
		}
	}
	return quotes
}

func quotePattern(quote string) *regexp.Regexp {
	return regexp.MustCompile("(?s)" + strings.ReplaceAll(regexp.QuoteMeta(quote), "…", ".*"))
}

// sourceTexts are the texts in the plugin's source, those of the emulated Platform, and the alerts of TLS that errors
// quote, the longest first. They are split where a value is filled in, and at commas as well.
func sourceTexts(t *testing.T) []string {
	t.Helper()
	var texts []string
	add := func(text string) {
		for _, part := range regexp.MustCompile(`%(\[\d\])?[+#.\d]*[a-z]|…`).Split(text, -1) {
			for _, clause := range append(strings.Split(part, ", "), part) {
				texts = append(texts, unadorned(clause))
			}
		}
	}
	for _, pattern := range []string{"*.go", "internal/*/*.go", "dev/emulator/*.go"} {
		files, err := filepath.Glob(filepath.Join(repositoryPath, pattern))
		require.NoError(t, err)
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				inspectTexts(t, file, add)
			}
		}
	}
	for alert := range 256 {
		add(strings.TrimPrefix(tls.AlertError(alert).Error(), "tls: "))
	}
	slices.SortFunc(texts, func(a, b string) int { return len(b) - len(a) })
	return texts
}

func inspectTexts(t *testing.T, file string, inspect func(text string)) {
	t.Helper()
	parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	for node := range ast.Preorder(parsed) {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == gotoken.STRING {
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			inspect(text)
		}
	}
}

func unadorned(text string) string { return strings.Trim(text, " \n.,;:()`\"=") }

// consistsOf says whether a quote is put together from the texts. What has a digit, a slash or a quotation mark is the
// value of an example.
func consistsOf(texts []string, quote string) bool {
	value := regexp.MustCompile(`[\d/"]`)
	for piece := range strings.SplitSeq(quote, "…") {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, unadorned(piece)) }) {
			continue
		}
		for _, text := range texts {
			if strings.Contains(text, " ") { // a word alone could be part of another
				piece = strings.ReplaceAll(piece, text, " ")
			}
		}
		for word := range strings.FieldsSeq(piece) {
			if !value.MatchString(word) && !slices.Contains(texts, unadorned(word)) {
				return false
			}
		}
	}
	return true
}

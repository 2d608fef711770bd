// Package supply tests what pages say about versions, dependencies and the tests that keep promises, and the scripts that
// print the version and look for vulnerabilities.
package supply

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"

	"vault-plugin-secrets-itwin/dev/release"
)

// root is the folder of the product's module.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}

// sources calls a function for each of the repository's files of Go code.
func sources(t *testing.T, test func(path, text string)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		switch {
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".cache" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			test(name, read(t, name))
		}
		return nil
	}))
}

func TestEveryPromiseIsKeptByTestsThatExist(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	sources(t, func(_, text string) {
		for _, match := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(text, -1) {
			known[match[1]] = true
		}
	})
	_, promises, _ := strings.Cut(read(t, "docs/security.md"), "\n## Promises\n")
	promises, _, _ = strings.Cut(promises, "\n## ")
	_, promises, _ = strings.Cut(promises, "\n|---|---|\n")
	rows := regexp.MustCompile(`(?m)^\| .* \| (.*) \|$`).FindAllStringSubmatch(promises, -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		for name := range strings.SplitSeq(row[1], ", ") {
			require.True(t, known[strings.Trim(name, "`")], row[0])
		}
	}
}

func TestEveryDependencyIsJustified(t *testing.T) {
	t.Parallel()
	var direct, justified []string
	for _, r := range module(t, "go.mod").Require {
		if !r.Indirect {
			direct = append(direct, r.Mod.Path)
		}
	}
	_, dependencies, _ := strings.Cut(read(t, "docs/security.md"), "\n## Dependencies\n")
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| .+ \\|$").FindAllStringSubmatch(dependencies, -1) {
		justified = append(justified, row[1])
	}
	require.ElementsMatch(t, direct, justified)
}

func module(t *testing.T, path string) *modfile.File {
	t.Helper()
	module, err := modfile.Parse(path, []byte(read(t, path)), nil)
	require.NoError(t, err)
	return module
}

func TestCompatibilityPageNamesWhatIsPinned(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/compatibility.md")
	for _, pin := range []struct{ file, path, says string }{
		{"go.mod", "github.com/hashicorp/go-plugin", "| `github.com/hashicorp/go-plugin` | v%s |"},
		{"go.mod", "github.com/hashicorp/vault/sdk", "| `github.com/hashicorp/vault/sdk` | v%s |"},
		{"go.mod", "github.com/hashicorp/vault/api", "| `github.com/hashicorp/vault/api` | v%s |"},
		{"dev/openbao/go.mod", "github.com/openbao/openbao/sdk/v2", "OpenBao's SDK %s"},
		{"dev/vault/go.mod", "github.com/hashicorp/vault", "| %s | with every change, `make test` |"},
		{"dev/vault-1.19/go.mod", "github.com/hashicorp/vault", "| %s | weekly and before a release, `make compat` |"},
		{"dev/vault-1.16/go.mod", "github.com/hashicorp/vault", "| %s | weekly and before a release, `make compat` |"},
	} {
		required := module(t, pin.file).Require
		at := slices.IndexFunc(required, func(r *modfile.Require) bool { return r.Mod.Path == pin.path })
		require.Contains(t, page, fmt.Sprintf(pin.says, strings.TrimPrefix(required[at].Mod.Version, "v")))
	}
	require.Contains(t, page, strings.ReplaceAll(strings.Join(release.Platforms(t), ", "), "_", "/")+" |\n")
}

func TestAuditingPageListsLinesThatAreLogged(t *testing.T) {
	t.Parallel()
	var calls []string
	sources(t, func(path, text string) {
		if !strings.Contains(path, "/") && !strings.HasSuffix(path, "_test.go") {
			calls = append(calls, regexp.MustCompile(`log\.(?:Info|Warn)\("[^"]+"`).FindAllString(text, -1)...)
		}
	})
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (info|warn) \\|$").FindAllStringSubmatch(read(t, "docs/auditing.md"), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		method := map[string]string{"info": "Info", "warn": "Warn"}[row[2]]
		require.Contains(t, calls, fmt.Sprintf("log.%s(%q", method, row[1]))
	}
}

// TestNoRevealedSecretIsCompared: secret.Text has no ==, which the compiler sees to, and its Equal takes constant time.
// What is left is a comparison of what Reveal returned, or of a plain string with a secret's name.
func TestNoRevealedSecretIsCompared(t *testing.T) {
	t.Parallel()
	const secret = `(?:Reveal\(\)|\.AccessToken|\.ClientSecret)`
	comparison := regexp.MustCompile(secret + ` [!=]= [^"]|[^"] [!=]= \S*` + secret + `|switch \S*Reveal\(\)|` +
		`(?:bytes|strings|reflect)\.(?:Equal|EqualFold|Compare|DeepEqual|HasPrefix|HasSuffix)\(.*Reveal\(\)`)
	for _, found := range []string{
		`a.Reveal() == b`, `b != a.b.Reveal()`, `strings.HasPrefix(a.Reveal(), b)`, `stored.ClientSecret == given`,
	} {
		require.Regexp(t, comparison, found)
	}
	sources(t, func(path, text string) {
		if !strings.HasPrefix(path, "dev/") && !strings.HasPrefix(path, "examples/") && !strings.HasSuffix(path, "_test.go") {
			require.NotRegexp(t, comparison, text, "%s: compare secrets with secret.Text's Equal", path)
		}
	})
}

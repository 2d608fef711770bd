package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	contributing = "CONTRIBUTING.md"
	module       = "vault-plugin-secrets-itwin"
)

func TestContributingNamesEveryFolderOfGo(t *testing.T) {
	t.Parallel()
	spans := readPage(t, contributing).Spans
	for _, pattern := range []string{"internal/*", "dev/*", "dev/cmd/*"} {
		for _, path := range inRepository(t, pattern) {
			info, err := os.Stat(filepath.Join(repositoryPath, path))
			require.NoError(t, err)
			if info.IsDir() && path != "dev/cmd" { // each of its folders is explained
				require.Containsf(t, spans, path, "where is %s explained?", path)
			}
		}
	}
}

func TestContributingDrawsTheArrowsThatThereAre(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join(repositoryPath, contributing))
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| (the root|`internal/\\S+`) \\| .* \\| (.*) ?\\|$").FindAllStringSubmatch(string(source), -1)
	require.Len(t, rows, 1+len(inRepository(t, "internal/*")))
	for _, row := range rows {
		folder := strings.Trim(strings.Replace(row[1], "the root", ".", 1), "`")
		named := strings.FieldsFunc(strings.ReplaceAll(row[2], "`", ""), func(r rune) bool { return r == ',' || r == ' ' })
		require.ElementsMatchf(t, importsOf(t, folder), named, "imports of %s", row[1])
	}
}

// importsOf are the folders of the module that a folder's product code needs, its own subfolders aside.
func importsOf(t *testing.T, folder string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-f", `{{join .Imports "\n"}}`, "./"+folder)
	list.Dir = repositoryPath
	output, err := list.Output()
	require.NoError(t, err)
	imports := make([]string, 0)
	for path := range strings.FieldsSeq(string(output)) {
		local, ours := strings.CutPrefix(path, module+"/")
		if ours && !strings.HasPrefix(local, folder+"/") {
			imports = append(imports, local)
		}
	}
	return imports
}

// TestContributingNamesFilesAndCommandsThatAreThere goes by the form of inline code: a path, or a name with an ending.
// <name> and X stand for any, and a file may be named without its internal package.
func TestContributingNamesFilesAndCommandsThatAreThere(t *testing.T) {
	t.Parallel()
	made := []string{"dist/vX.Y.Z", "release-notes.md"} // by make release
	page := readPage(t, contributing)
	path := regexp.MustCompile(`^[\w.*<>-]+(/[\w.*<>-]+)+$|^[\w.*<>-]+\.(go|md|mod|yml)$`)
	for _, span := range page.Spans {
		if path.MatchString(span) && !slices.Contains(made, span) {
			pattern := regexp.MustCompile(`<\w+>|X`).ReplaceAllString(span, "*")
			places := append(inRepository(t, pattern), inRepository(t, "internal/*/"+pattern)...)
			require.NotEmptyf(t, places, "%s isn't there", span)
		}
	}
	for _, block := range page.Blocks {
		for command := range strings.Lines(block.Text) {
			requireMakeTarget(t, command)
			requireTest(t, command)
		}
	}
}

func inRepository(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repositoryPath, pattern))
	require.NoError(t, err)
	for i := range found {
		found[i], err = filepath.Rel(repositoryPath, found[i])
		require.NoError(t, err)
	}
	return found
}

// requireMakeTarget asks make what it would do.
func requireMakeTarget(t *testing.T, command string) {
	t.Helper()
	target, isMake := strings.CutPrefix(command, "make ")
	if !isMake {
		return
	}
	target, _, _ = strings.Cut(target, "#")
	dry := exec.CommandContext(t.Context(), "make", append([]string{"-n"}, strings.Fields(target)...)...)
	dry.Dir = repositoryPath
	output, err := dry.CombinedOutput()
	require.NoErrorf(t, err, "%s: %s", command, output)
}

// requireTest looks for the test that a command of Go's names, in the product or in dev.
func requireTest(t *testing.T, command string) {
	t.Helper()
	named := regexp.MustCompile(`go test .*\b(?:Test|Fuzz)\w+`).FindString(command)
	if named == "" {
		return
	}
	folder := regexp.MustCompile(` \./(\S+)`).FindStringSubmatch(command)
	require.Len(t, folder, 2, command)
	function := "func " + regexp.MustCompile(`(?:Test|Fuzz)\w+`).FindString(named) + "("
	files := append(inRepository(t, folder[1]+"/*_test.go"), inRepository(t, "dev/"+folder[1]+"/*_test.go")...)
	require.True(t, slices.ContainsFunc(files, func(file string) bool {
		source, err := os.ReadFile(filepath.Join(repositoryPath, file))
		return err == nil && strings.Contains(string(source), function)
	}), "%s: no %s in %s", command, function, folder[1])
}

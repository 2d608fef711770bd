package release

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASectionEndsWhereTheNextBegins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		changelog string
		want      string
		found     bool
	}{
		"the first":             {"# C\n\n## v1.2.3\n\n* A\n\n### B\n\n* C\n\n## v1.2.2\n\n* D\n", "* A\n\n### B\n\n* C", true},
		"the last":              {"## v1.2.4\n* A\n## v1.2.3\n* B", "* B", true},
		"without a v":           {"## 1.2.3\n* A\n", "* A", true},
		"with a date":           {"## 1.2.3 (January 1, 2027)\n* A\n", "* A", true},
		"in brackets":           {"## [1.2.3] - 2027-01-01\n* A\n", "* A", true},
		"only a longer one":     {"## v1.2.31\n* A\n## v1.2.3-rc.1\n* B\n", "", false},
		"only in a text":        {"## v1.2.4\nsince v1.2.3\n", "", false},
		"a heading with no end": {"## \n* A\n", "", false},
		"nothing":               {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, found := section(c.changelog, "v1.2.3")
			require.Equal(t, c.found, found)
			require.Equal(t, c.want, got)
		})
	}
}

func TestTheNotesAreTheVersionsOwn(t *testing.T) {
	t.Parallel()
	o := small(t)
	write(t, filepath.Join(o.Root, changelogFile), "## Unreleased\n\n* Later.\n\n## v1.2.3\n\n* Now.\n\n## v1.2.2\n\n* Before.\n")
	var said bytes.Buffer
	o.Report = &said
	require.NoError(t, Build(t.Context(), o))
	notes := read(t, o.Out, notesFile)
	require.Contains(t, notes, "# vault-plugin-secrets-itwin v1.2.3\n\n* Now.\n\n## ")
	require.NotContains(t, notes, "Later")
	require.NotContains(t, notes, "Before")
	require.Contains(t, notes, "\n    sha256sum --check --ignore-missing SHA256SUMS\n")
	require.Contains(t, notes, "Made with "+runtime.Version()+", without C.")
	require.NotContains(t, said.String(), changelogFile)
}

func TestAVersionWithoutNotesHasTheUnreleasedOnes(t *testing.T) {
	t.Parallel()
	o := small(t)
	var said bytes.Buffer
	o.Report = &said
	require.NoError(t, Build(t.Context(), o))
	require.Contains(t, read(t, o.Out, notesFile), "* Something new.")
	require.Contains(t, said.String(), `CHANGELOG.md has no section "## v1.2.3"`)
	require.Contains(t, said.String(), "rename that heading, commit, and run `make release VERSION=v1.2.3` again")
}

func TestAReleaseNeedsNotes(t *testing.T) {
	t.Parallel()
	o := small(t)
	write(t, filepath.Join(o.Root, changelogFile), "# Changelog\n\n## v1.2.2\n\n* Before.\n")
	require.ErrorContains(t, Build(t.Context(), o), `has neither "## v1.2.3" nor "## Unreleased": write`)
}

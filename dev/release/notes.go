package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

const (
	changelogFile = "CHANGELOG.md"
	notesFile     = "release-notes.md"
	unreleased    = "Unreleased"
)

// notesText is written for those who download. The changelog's own words come first.
const notesText = `# vault-plugin-secrets-itwin {{.Version}}

{{.Changes}}

## Check what you downloaded

In the folder that holds the files and ` + "`SHA256SUMS`" + `:

    sha256sum --check --ignore-missing SHA256SUMS

{{range .Signatures}}{{.}}
{{end -}}
## Build it yourself

Made with {{.Go}}, without C. The same Go and the sources of {{.Version}} give the same files, byte for byte, with
` + "`make release VERSION={{.Version}}`" + `; these notes and SHA256SUMS can differ in what they say of signatures.
`

// notes writes what is new, how to check the files, and how they were made.
func (r run) notes(built []binary) error {
	changelog, err := os.ReadFile(filepath.Join(r.Root, changelogFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the changelog: %w", err)
	}
	changes, found := section(string(changelog), r.Version)
	if !found {
		changes, found = section(string(changelog), unreleased)
		r.say("%s has no section \"## %s\": the notes are those under \"## %s\". To change that, rename that heading, commit, and "+
			"run `make release VERSION=%[2]s` again.", changelogFile, r.Version, unreleased)
	}
	if !found {
		return fmt.Errorf("%s has neither \"## %s\" nor \"## %s\": write what is new under one of them", changelogFile, r.Version, unreleased)
	}
	var text strings.Builder
	err = template.Must(template.New(notesFile).Parse(notesText)).Execute(&text, map[string]any{
		"Version": r.Version, "Changes": changes, "Go": built[0].info.GoVersion, "Signatures": r.advice(),
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(r.files, notesFile), []byte(text.String()), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing the notes: %w", err)
	}
	return nil
}

// advice tells those who download how to check who made the files.
func (r run) advice() []string {
	if len(r.signs) == 0 {
		return []string{"Not signed: the sums show that the files arrived whole, not who made them.\n"}
	}
	var all []string
	for _, s := range r.signs {
		all = append(all, s.advice())
	}
	return all
}

// section returns what is below a version's heading, up to the next one. `## v1.2.3`, `## 1.2.3 (January 1, 2027)` and
// `## [1.2.3] - 2027-01-01` are all headings of v1.2.3.
func section(changelog, version string) (string, bool) {
	var lines []string
	found := false
	for line := range strings.Lines(changelog) {
		heading, is := strings.CutPrefix(line, "## ")
		switch {
		case is && found:
			return strings.TrimSpace(strings.Join(lines, "")), true
		case is:
			words := append(strings.Fields(heading), "")
			found = bare(strings.Trim(words[0], "[]")) == bare(version)
		case found:
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "")), found
}

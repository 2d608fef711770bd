package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allPages are the paths, in the repository, of its Markdown files.
func allPages(t *testing.T) []string {
	t.Helper()
	files, err := exec.CommandContext(t.Context(), "git", "-C", repositoryPath, "ls-files", "*.md").Output()
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return strings.Fields(string(files))
}

// pages are those of one folder.
func pages(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	for _, path := range allPages(t) {
		if filepath.Dir(path) == folder {
			found = append(found, path)
		}
	}
	require.NotEmpty(t, found)
	return found
}

func TestEveryLinkOfEveryPageLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for _, path := range allPages(t) {
		for _, link := range readPage(t, path).Links {
			requireTarget(t, path, link)
		}
	}
}

func requireTarget(t *testing.T, from, link string) {
	t.Helper()
	// Nothing is fetched from these hosts, so each link was once looked at by a person.
	hosts := []string{
		"developer.bentley.com", "developer.hashicorp.com", "github.com", "goreleaser.com", "gvisor.dev", "ko.build", "openbao.org",
		"semver.org", "www.rfc-editor.org",
	}
	target, err := url.Parse(link)
	require.NoErrorf(t, err, "%s: %s", from, link)
	if target.IsAbs() {
		require.Equalf(t, "https", target.Scheme, "%s: %s", from, link)
		require.Containsf(t, hosts, target.Host, "%s: %s: if the address is right, add its host to this list", from, link)
		return
	}
	path := from
	if target.Path != "" {
		path = filepath.Join(filepath.Dir(from), target.Path)
	}
	require.Truef(t, filepath.IsLocal(path), "%s: %s leads out of the repository", from, link)
	_, err = os.Stat(filepath.Join(repositoryPath, path))
	require.NoErrorf(t, err, "%s: %s", from, link)
	if target.Fragment != "" {
		require.Containsf(t, readPage(t, path).Anchors, target.Fragment, "%s: %s", from, link)
	}
}

func TestIndexNamesEveryPage(t *testing.T) {
	t.Parallel()
	index := readPage(t, "docs/README.md").Links
	for _, path := range append(pages(t, "docs"), pages(t, "docs/consumers")...) {
		if link := strings.TrimPrefix(path, "docs/"); link != "README.md" {
			require.Contains(t, index, link)
		}
	}
}

package e2e

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pages are the paths, in the repository, of the Markdown files of one of its folders.
func pages(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repositoryPath, folder, "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for i, path := range found {
		found[i], err = filepath.Rel(repositoryPath, path)
		require.NoError(t, err)
	}
	return found
}

func TestEveryLinkOfEveryPageLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for _, path := range allPages(t) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			for _, link := range readPage(t, path).Links {
				requireTarget(t, path, link)
			}
		})
	}
}

func requireTarget(t *testing.T, from, link string) {
	t.Helper()
	target, err := url.Parse(link)
	require.NoErrorf(t, err, "%s: %s", from, link)
	if target.IsAbs() {
		require.Equalf(t, "https", target.Scheme, "%s: %s", from, link)
		require.Containsf(t, linkedHosts(), target.Host, "%s: %s: if the address is right, add its host to this list", from, link)
		return
	}
	path := filepath.Join(filepath.Dir(from), target.Path)
	if target.Path == "" {
		path = from
	}
	require.Truef(t, filepath.IsLocal(path), "%s: %s leads out of the repository", from, link)
	_, err = os.Stat(filepath.Join(repositoryPath, path))
	require.NoErrorf(t, err, "%s: %s", from, link)
	if target.Fragment != "" {
		require.Containsf(t, readPage(t, path).Anchors, target.Fragment, "%s: %s", from, link)
	}
}

// linkedHosts are those that pages may link to. Nothing is fetched from them, so each link was once looked at by a person.
func linkedHosts() []string {
	return []string{
		"developer.bentley.com", "developer.hashicorp.com", "github.com", "goreleaser.com", "gvisor.dev", "ko.build", "openbao.org",
		"semver.org", "www.rfc-editor.org",
	}
}

// allPages leaves out what git ignores and what is installed beside the sources.
func allPages(t *testing.T) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(repositoryPath, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		built := slices.Contains([]string{"node_modules", "bin", "dist"}, name)
		switch {
		case entry.IsDir() && path != repositoryPath && (strings.HasPrefix(name, ".") || built):
			return fs.SkipDir
		case filepath.Ext(name) == ".md":
			relative, err := filepath.Rel(repositoryPath, path)
			found = append(found, relative)
			return err
		}
		return nil
	}))
	require.Contains(t, found, "README.md")
	return found
}

func TestIndexNamesEveryPage(t *testing.T) {
	t.Parallel()
	index := readPage(t, "docs/README.md")
	for _, path := range append(pages(t, "docs"), pages(t, "docs/consumers")...) {
		if link, err := filepath.Rel("docs", path); link != "README.md" {
			require.NoError(t, err)
			require.Contains(t, index.Links, link)
		}
	}
}

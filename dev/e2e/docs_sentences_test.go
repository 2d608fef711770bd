package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wordsOfASentence is how many words make a sentence that only one page should have; shorter ones say little.
const wordsOfASentence = 8

// TestNoSentenceStandsTwice holds all pages to one set: what is said in one place is linked from the others. Case makes
// no difference, so that a clause in the midst of a sentence counts as well.
func TestNoSentenceStandsTwice(t *testing.T) {
	t.Parallel()
	places := make(map[string][]string)
	for _, path := range proseOf(t) {
		for _, sentence := range readPage(t, path).Sentences {
			key := strings.ToLower(sentence.Text)
			here := fmt.Sprintf("%s:%d", path, sentence.Line)
			if sentence.Words() >= wordsOfASentence && !repeatsItself(path, places[key]) {
				places[key] = append(places[key], here)
			}
		}
	}
	var twice []string
	for sentence, found := range places {
		if len(found) > 1 {
			twice = append(twice, fmt.Sprintf("%q: %s", sentence, strings.Join(found, ", ")))
		}
	}
	require.NotEmpty(t, places)
	require.Emptyf(t, twice, "say it once, and link it:\n%s", strings.Join(twice, "\n"))
}

// repeatsItself says whether a page that a program writes, at least in part, has the words already: fields that mean the
// same at two paths are described in the same words, and rows of figures begin alike.
func repeatsItself(path string, found []string) bool {
	written := slices.Contains([]string{"docs/configuration.md", "docs/performance.md"}, path)
	return written && slices.ContainsFunc(found, func(place string) bool { return strings.HasPrefix(place, path) })
}

// proseOf are the pages that people read one after the other. A changelog repeats what pages say, as it has to.
func proseOf(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(allPages(t), func(path string) bool { return path == "CHANGELOG.md" })
}

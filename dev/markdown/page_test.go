package markdown_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/markdown"
)

const page = "# The `first`, and only\n" +
	"\n" +
	"See [below](#more), [there](other.md#x_y) and ![this](a.svg): `vault\nread x`.\n" +
	"\n" +
	"```sh fails\n" +
	"false\n" +
	"\n" +
	"# [no](link), no heading\n" +
	"```\n" +
	"\n" +
	"## More\n" +
	"\n" +
	"* A list:\n" +
	"\n" +
	"  ```\n" +
	"  indented\n" +
	"    more\n" +
	"  ```\n" +
	"\n" +
	"## More\n" +
	"\n" +
	"| `in` | [a table](table.md) |\n" +
	"|---|---|\n" +
	"\n" +
	"~~~text\n" +
	"```\n" +
	"~~~\n" +
	"\n" +
	"## 90 % – \"üblich\" snake_case\n" +
	"\n" +
	"```\n" +
	"```\n"

func TestPageHasItsBlocksWithWhatIsSaidOfThem(t *testing.T) {
	t.Parallel()
	require.Equal(t, []markdown.Block{
		{Info: "sh fails", Heading: "The first, and only", Line: 7, Text: "false\n\n# [no](link), no heading\n"},
		{Heading: "More", Line: 17, Text: "indented\n  more\n"},
		{Info: "text", Heading: "More", Line: 27, Text: "```\n"},
		{Heading: "90 % – \"üblich\" snake_case"},
	}, markdown.Parse([]byte(page)).Blocks)
}

func TestPageHasItsLinksAndInlineCode(t *testing.T) {
	t.Parallel()
	parsed := markdown.Parse([]byte(page))
	require.Equal(t, []string{"#more", "other.md#x_y", "a.svg", "table.md"}, parsed.Links)
	require.Equal(t, []string{"first", "vault read x", "in"}, parsed.Spans)
}

func TestPageHasTheAnchorsThatGitHubMakes(t *testing.T) {
	t.Parallel()
	want := []string{"the-first-and-only", "more", "more-1", "90---üblich-snake_case"}
	require.Equal(t, want, markdown.Parse([]byte(page)).Anchors)
}

func TestPageHasItsSentencesWithoutMarkup(t *testing.T) {
	t.Parallel()
	const prose = "# No sentence. Nor this\n" +
		"\n" +
		"Two *lines* of\n[one](link.md) sentence. Is `v1.2` the\nnext? Yes\n" +
		"\n" +
		"* **An item.** It says: this; and that!\n" +
		"\n" +
		"  A paragraph of it.\n" +
		"\n" +
		"| a head | |\n" +
		"|---|---|\n" +
		"| a cell. | `another` cell |\n" +
		"\n" +
		"```text\nno sentence.\n```\n"
	require.Equal(t, []markdown.Sentence{
		{Text: "Two lines of one sentence", Line: 3},
		{Text: "Is v1.2 the next", Line: 3},
		{Text: "Yes", Line: 3},
		{Text: "An item", Line: 7},
		{Text: "It says", Line: 7},
		{Text: "this", Line: 7},
		{Text: "and that", Line: 7},
		{Text: "A paragraph of it", Line: 9},
		{Text: "a head", Line: 11},
		{Text: "a cell", Line: 13},
		{Text: "another cell", Line: 13},
	}, markdown.Parse([]byte(prose)).Sentences)
	require.Equal(t, 5, markdown.Sentence{Text: "Two lines of one sentence"}.Words())
}

func TestEmptyPageHasNothing(t *testing.T) {
	t.Parallel()
	require.Equal(t, markdown.Page{}, markdown.Parse(nil))
}

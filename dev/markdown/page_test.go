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

func TestEmptyPageHasNothing(t *testing.T) {
	t.Parallel()
	require.Equal(t, markdown.Page{}, markdown.Parse(nil))
}

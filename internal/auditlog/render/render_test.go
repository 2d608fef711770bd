package render_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
	"vault-plugin-secrets-itwin/internal/auditlog/render"
)

// hostile is a display name that does harm in a careless terminal, spreadsheet or page.
const hostile = "=cmd|'/c calc'!A1\x1b[2J\u202e\n<script>alert(1)</script>"

func answer() inquiry.Answer {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	row := inquiry.Row{
		Subject: inquiry.Subject{Kind: auditlog.Read, Mount: "itwin/", Role: "viewer", Reader: hostile, Entity: "e-1", Path: hostile},
		First:   at, Last: at.Add(time.Hour), Count: 7,
	}
	return inquiry.Answer{
		Question: "summary", Subject: "summary of " + hostile, Found: true, Notes: []string{"look out for " + hostile},
		Sections: []inquiry.Section{
			{Name: "reads", Title: "Reads", Rows: []inquiry.Row{row}, More: 3},
			{Name: "denied", Title: "Denied", Rows: []inquiry.Row{}},
		},
		Timeline: inquiry.Timeline{Start: at, Step: "1 hour", Seconds: 3600, Buckets: 2, Lanes: []inquiry.Lane{
			{LaneKey: inquiry.LaneKey{Kind: auditlog.Read, Reader: hostile, Role: "viewer"}, Total: 7, Counts: map[int]int{0: 6, 1: 1}},
		}},
		Log: inquiry.Log{
			Stats:  auditlog.Stats{Lines: 20, Damaged: 1, Mounts: []string{"itwin/"}},
			Events: 7, First: at, Last: at.Add(time.Hour),
		},
	}
}

func rendered(t *testing.T, format string) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, render.Write(&text, format, answer()))
	return text.String()
}

func TestEveryFormatNeutralizesHostileText(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"table", "csv", "html"} {
		text := rendered(t, format)
		require.NotContains(t, text, "\x1b", format)
		require.NotContains(t, text, "\u202e", format)
		require.Contains(t, text, `\x1b[2J\u202e\n`, format)
	}
	require.NotContains(t, rendered(t, "html"), "<script")
}

// TestJSONEscapesTerminalControls looks at the bytes of an answer, and at what they decode to.
func TestJSONEscapesTerminalControls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"a control of ASCII":            {"\x1b[2J", `\u001b[2J`},
		"CSI in one rune":               {"\u009b2J", `\u009b2J`},
		"DEL":                           {"a\x7f", `a\u007f`},
		"a mark that reorders text":     {"a\u202eb\u2066", `a\u202eb\u2066`},
		"one that can't be seen":        {"a\u200bb\ufeff", `a\u200bb\ufeff`},
		"a rune of two units":           {"tag\U000e0041", `tag\udb40\udc41`},
		"a rune of nobody's":            {"\U0010ffff", `\udbff\udfff`},
		"what stands for another":       {"a\ufffd", `a\ufffd`},
		"but letters of all scripts":    {"Zoë 金 🔑 ع", `"Zoë 金 🔑 ع"`},
		"and quotes, as JSON does them": {`"\`, `"\"\\"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := answer()
			a.Subject, a.Sections[0].Rows[0].Reader = c.text, c.text
			var text strings.Builder
			require.NoError(t, render.Write(&text, "json", a))
			require.Contains(t, text.String(), c.want)
			for _, r := range text.String() {
				require.Truef(t, r == '\n' || unicode.IsPrint(r), "%U", r)
			}
			var got inquiry.Answer
			require.NoError(t, json.Unmarshal([]byte(text.String()), &got))
			require.Equal(t, []string{c.text, c.text}, []string{got.Subject, got.Sections[0].Rows[0].Reader})
		})
	}
}

func TestTableStatesItsProvenance(t *testing.T) {
	t.Parallel()
	text := rendered(t, "table")
	require.Contains(t, text, "\nDenied: none\n")
	require.Contains(t, text, "  and 3 more events\n")
	require.Contains(t, text, "Based on 20 lines with 7 events on itwin/, "+
		"2026-11-23T09:00:00Z to 2026-11-23T10:00:00Z; 1 damaged line skipped.\n")
	require.Contains(t, text, "\nTimeline from 2026-11-23T09:00:00Z in 2 steps of 1 hour:\n")
	require.Contains(t, text, "viewer  █▂  7\n")
	require.NotContains(t, text, "MOUNT", "there is but one")
	require.NotContains(t, text, "ADDRESS", "columns without anything are left out")
}

func TestCSVAlwaysHasTheSameColumnsAndNoFormula(t *testing.T) {
	t.Parallel()
	records, err := csv.NewReader(strings.NewReader(rendered(t, "csv"))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{
		"section", "first", "last", "count", "readers", "kind", "mount", "role", "reader", "entity_id", "policies", "address", "operation",
		"path", "token_id", "scope", "expires", "detail",
	}, records[0])
	require.Len(t, records, 4)
	require.Equal(t, []string{"reads", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z", "7"}, records[1][:4])
	require.Equal(t, "'=cmd", records[1][8][:5])
	for i, step := range [][]string{
		{"timeline", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z", "6"}, {"timeline", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z", "1"},
	} {
		require.Equal(t, step, records[2+i][:4])
		require.Equal(t, "step of 1 hour", records[2+i][17])
	}
}

// TestNoCellOfASpreadsheetIsAFormula holds where a semicolon parts cells, too, as where the comma is the decimal point.
func TestNoCellOfASpreadsheetIsAFormula(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"=1+1":                          "'=1+1",
		"+1":                            "'+1",
		"-1":                            "'-1",
		"@SUM(1)":                       "'@SUM(1)",
		"＝1":                            "'＝1",
		" =1":                           "' =1",
		`"=1`:                           `'"=1`,
		"token/x;=cmd|'/C calc'!A0;":    "token/x;'=cmd|'/C calc'!A0;",
		"a;+1;-1;@x":                    "a;'+1;'-1;'@x",
		"a; =1":                         "a;' =1",
		`a;"=1";""+1`:                   `a;'"=1";'""+1`,
		";;=1":                          ";;'=1",
		"\t=1":                          `\t=1`,
		"\r=1;\t=1":                     `\r=1;\t=1`,
		"no valid token; no permission": "no valid token; no permission",
		"a=b+c-d@e, f":                  "a=b+c-d@e, f",
		"2026-11-23T09:00:00Z;x=1":      "2026-11-23T09:00:00Z;x=1",
		"":                              "",
	} {
		a := answer()
		a.Sections[0].Rows[0].Path = value
		var text strings.Builder
		require.NoError(t, render.Write(&text, "csv", a))
		records, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
		require.NoError(t, err)
		require.Equal(t, want, records[1][13])
		for cell := range strings.FieldsFuncSeq(text.String(), func(r rune) bool { return r == ';' || r == ',' || r == '\n' }) {
			require.False(t, strings.ContainsAny(strings.TrimLeft(cell, `" `)[:1], "=+-@"), value)
		}
	}
}

func TestJSONHoldsTheAnswerAsItIs(t *testing.T) {
	t.Parallel()
	var got inquiry.Answer
	require.NoError(t, json.Unmarshal([]byte(rendered(t, "json")), &got))
	want := answer()
	require.Equal(t, want, got)
}

func TestPageIsSelfContained(t *testing.T) {
	t.Parallel()
	page := rendered(t, "html")
	require.Contains(t, page, `http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-`)
	for _, reaching := range []string{"http://", "https://", " src=", "url(", "@import", "<link", "style="} {
		require.NotContains(t, strings.ReplaceAll(page, "&lt;", ""), reaching)
	}
	require.Contains(t, page, `class="shade5">7<`)
	require.Equal(t, 2, strings.Count(page, "<rect "))
}

// TestReasonHasItsOwnLine since a column of it would be too narrow for an error, or too wide for the page.
func TestReasonHasItsOwnLine(t *testing.T) {
	t.Parallel()
	a := answer()
	long := strings.Repeat("x", 300)
	a.Sections[0].Rows = append(a.Sections[0].Rows,
		inquiry.Row{Subject: inquiry.Subject{Reader: "kim", Detail: "why <not>" + long}, Readers: 3, Count: 1})
	var page strings.Builder
	require.NoError(t, render.Write(&page, "html", a))
	require.Equal(t, 1, strings.Count(page.String(), `<tr class="explained">`))
	require.Contains(t, page.String(), `<tr class="reason"><td colspan="9">why &lt;not&gt;`+long+`</td></tr>`)
	require.NotContains(t, page.String(), `<th scope="col">why</th>`)
	require.Contains(t, page.String(), `<td class="readers">3</td>`)
}

func TestUnknownFormatIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, render.Write(&strings.Builder{}, "xml", answer()), "table, json, csv, html")
}

package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
	"vault-plugin-secrets-itwin/internal/auditlog/render"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

// ofEach is an answer that counts n of all that can be counted: lines, events, damaged and unreadable lines, steps of the timeline,
// and what finds no place in tables, the chart and the matrix, which hold 10 roles and 24 lanes.
func ofEach(n int) inquiry.Answer {
	a := answer()
	a.Log.Lines, a.Log.Events, a.Log.Damaged, a.Log.Unreadable = int64(n), int64(n), int64(n), n
	a.Timeline.Buckets, a.Timeline.More, a.Timeline.Step = n, n, words.Count(n, "hour")
	a.Timeline.Lanes = nil
	for i := range 24 + n {
		key := inquiry.LaneKey{Kind: auditlog.Read, Reader: "kim", Role: fmt.Sprint("role-", i)}
		a.Timeline.Lanes = append(a.Timeline.Lanes, inquiry.Lane{LaneKey: key, Total: 1, Counts: map[int]int{0: 1}})
	}
	a.Sections[0].More, a.Sections[0].Rows = n, nil
	for i := range 10 + n {
		row := inquiry.Row{Subject: inquiry.Subject{Reader: "kim", Role: fmt.Sprint("role-", i)}, Count: 1}
		a.Sections[0].Rows = append(a.Sections[0].Rows, row)
	}
	return a
}

func TestCountsOfOneAreSingular(t *testing.T) {
	t.Parallel()
	provenance := map[int]string{
		1: "Based on 1 line with 1 event on itwin/, 2026-11-23T09:00:00Z to 2026-11-23T10:00:00Z; 1 damaged line skipped; 1 unreadable line.",
		2: "Based on 2 lines with 2 events on itwin/, 2026-11-23T09:00:00Z to 2026-11-23T10:00:00Z; 2 damaged lines skipped; 2 unreadable lines.",
	}
	want := map[string]map[int][]string{
		"table": {
			1: {provenance[1], "and 1 more event\n", "in 1 step of 1 hour:\n", "and 1 more row of readers and roles\n"},
			2: {provenance[2], "and 2 more events\n", "in 2 steps of 2 hours:\n", "and 2 more rows of readers and roles\n"},
		},
		"html": {
			1: {provenance[1], ">and 1 more event<", "1 step of 1 hour", ">and 1 more row of readers and roles<", ">and 1 more read<"},
			2: {provenance[2], ">and 2 more events<", "2 steps of 2 hours", ">and 2 more rows of readers and roles<", ">and 2 more reads<"},
		},
	}
	for format, counts := range want {
		for n, texts := range counts {
			var text strings.Builder
			require.NoError(t, render.Write(&text, format, ofEach(n)))
			for _, part := range texts {
				require.Contains(t, text.String(), part)
			}
			if n == 1 {
				require.NotRegexp(t, `\b1 (more )?(damaged |unreadable )?(line|event|step|row|read)s\b`, text.String())
			}
		}
	}
	// The chart and the reads' section have a line each.
	var page strings.Builder
	require.NoError(t, render.Write(&page, "html", ofEach(1)))
	require.Equal(t, 2, strings.Count(page.String(), ">and 1 more event<"))
}

package auditlog_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// FuzzRequestBody: no body of a request, and no name in it, keeps the request out of sight.
func FuzzRequestBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"token":5}`, `[[["a",1.5e-7,true]]]`, `{"\"}":"\\"}`, `"\u2028"`, `{"request":{"path":"x"},"type":"request"}`, `null`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var compact bytes.Buffer // a line has no line break in it
		if json.Compact(&compact, []byte(body)) != nil {
			t.Skip("Vault accepts only JSON")
		}
		want, _ := scan(t, lines(read()))
		line := read()
		line.Body, line.Warning = compact.String(), body
		events, stats := scan(t, lines(line))
		require.Equal(t, want, events)
		require.Zero(t, stats.Damaged)
	})
}

// FuzzLine: whatever a line is, it is read to its end, and is an event that can be written, damaged, or of no concern.
func FuzzLine(f *testing.F) {
	good := strings.TrimSpace(lines(read()))
	for _, seed := range []string{good, good[:len(good)/2], good[len(good)/2:], "{", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.TrimSpace(strings.ReplaceAll(line, "\n", " "))
		if strings.HasPrefix(line, "\x1f\x8b") {
			t.Skip("a compressed log, not a line")
		}
		events, stats := scan(t, line+"\n"+good+"\n")
		require.LessOrEqual(t, int64(len(events))+stats.Damaged, stats.Lines)
		require.Equal(t, auditlog.Read, events[len(events)-1].Kind)
		for _, e := range events {
			requireWritable(t, e.Time)
			require.LessOrEqual(t, len(e.Path), 1<<10)
		}
	})
}

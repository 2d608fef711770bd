package auditlog_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

// buffer is the scanner's, in bytes: longer lines are read in pieces.
const buffer = 256 << 10

func TestReaderCantHideBehindALongRequestBody(t *testing.T) {
	t.Parallel()
	// Six names of a MiB each. JSON has each character of theirs in six bytes.
	padding := make(map[string]any)
	for i := range 6 {
		padding[strings.Repeat("<", 1<<20)+fmt.Sprint(i)] = "hmac-sha256:00"
	}
	padded, err := json.Marshal(padding)
	require.NoError(t, err)
	for name, body := range map[string]string{
		"a token that is a number":        `{"token":5}`,
		"a token that is an object":       `{"token":{"token":"x"}}`,
		"an array":                        `[]`,
		"a string":                        `"text"`,
		"the names of an entry":           `{"type":"request","response":{},"time":"never","path":7,"request":{"path":""}}`,
		"an entry within the body":        `{"a":{"response":{"data":3}}}`,
		"all that JSON has":               `{"":[{},[],[[1,-2.5E+3]],true,false,null,"\"\\\u003c\n]}"],"]}":"{[,:"}`,
		"a number of any length":          `{"n":0.` + strings.Repeat("0", 61) + `e1}`,
		"names that take 36 MiB":          string(padded),
		"a body as deep as JSON may be":   strings.Repeat(`{"a":`, 9_999) + `1` + strings.Repeat(`}`, 9_999),
		"an array deeper than JSON's own": strings.Repeat(`[`, 300_000) + strings.Repeat(`]`, 300_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := read()
			line.Body = body
			if body == string(padded) {
				for name := range padding {
					line.Warning += name + " "
				}
			}
			want, _ := scan(t, lines(read()))
			events, stats := scan(t, lines(line))
			require.Equal(t, want, events)
			require.Equal(t, auditlog.Stats{Lines: 1, Mounts: []string{"itwin/"}}, stats)
		})
	}
}

// TestStringsAreDecodedLikeEncodingJSON compares with encoding/json, however a string is written.
func TestStringsAreDecodedLikeEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`""`, `"kim"`, `"Zoë"`, `"Zo\u00eb"`, `"\"\\\/\b\f\n\r\t"`, `"\ud83d\ude00"`, `"\ud83d"`, "\"\xff\xc3\"", "\"\u2028\x7f\"",
	} {
		var want string
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		events, stats := scan(t, strings.Replace(lines(read()), `"userpass-kim"`, text, 1))
		require.Zero(t, stats.Damaged)
		require.Equal(t, want, events[0].Reader.Display)
	}
}

// TestLinesAreReadWhereverTheBufferEnds has it end at each byte of a body's last part, and at some of all that follow.
func TestLinesAreReadWhereverTheBufferEnds(t *testing.T) {
	t.Parallel()
	line := read()
	line.Body, line.Wrapping = `{"@":1,"<\"é\\":["\u003c",{"a":-1.5e+3}]}`, "w"
	whole := lines(line)
	want, _ := scan(t, whole)
	require.Len(t, want, 1)
	head, tail, _ := strings.Cut(whole, "@")
	for i := 0; i < len(tail); i++ {
		if i > 60 {
			i += 6
		}
		events, stats := scan(t, head+strings.Repeat("x", buffer-len(head)-i)+tail)
		require.Equal(t, want, events, i)
		require.Zero(t, stats.Damaged)
	}
}

// TestLineOfAnyLengthIsReadInPieces has lines of 24 MiB. What they take of memory is measured by make bench.
func TestLineOfAnyLengthIsReadInPieces(t *testing.T) {
	t.Parallel()
	line := read()
	line.Body = `{"@":1}`
	for _, padding := range []string{"x", `\u003c`, `":1,"x`, `":"x","x`, `":[],"x`} {
		long := strings.Replace(lines(line), "@", strings.Repeat(padding, 24<<20/len(padding)), 1)
		log := strings.NewReader(long + lines(read()))
		var events []auditlog.Event
		scanner := auditlog.NewScanner(auditlog.NewMounts())
		require.NoError(t, scanner.Scan(readerFunc(func(to []byte) (int, error) {
			require.LessOrEqual(t, len(to), buffer)
			return log.Read(to)
		}), func(e auditlog.Event) { events = append(events, e) }))
		require.Len(t, events, 2, padding)
		require.Equal(t, events[0], events[1])
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(to []byte) (int, error) { return f(to) }

func TestLongLinesOfOtherEnginesAreNoEvents(t *testing.T) {
	t.Parallel()
	other := read()
	other.MountType, other.Mount, other.Path = "kv", "secret/", "secret/data/app"
	other.Body = `{"` + auditlog.PluginName + `":"` + strings.Repeat("x", buffer) + `"}`
	events, stats := scan(t, lines(other, read()))
	require.Len(t, events, 1)
	require.Equal(t, auditlog.Stats{Lines: 2, Mounts: []string{"itwin/"}}, stats)
}

// TestEventsHoldNoMoreThanAKiBOfAString takes strings as long as requests may be, some of whose characters take several bytes.
func TestEventsHoldNoMoreThanAKiBOfAString(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"in ASCII":               strings.Repeat("x", 1<<20),
		"in UTF-8":               "x" + strings.Repeat("é€", 1<<10),
		"in escapes":             strings.Repeat("<", 1<<20),
		"just beyond the limit":  strings.Repeat("x", 1<<10+1),
		"of half a rune, if cut": strings.Repeat("x", 1<<10-4) + "€€",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			denied := read()
			denied.Policy, denied.Token, denied.Path = "", "", "itwin/token/"+text
			denied.Display, denied.User, denied.Entity, denied.Address, denied.Operation = text, text+"2", text, text, text
			events, _ := scan(t, lines(denied))
			e := events[0]
			for _, got := range []string{e.Reader.Name, e.Reader.Login, e.Reader.Display, e.Reader.Entity, e.Address, e.Operation, e.Role} {
				require.LessOrEqual(t, len(got), 1<<10)
				require.Greater(t, len(got), 1<<10-8)
				kept, marked := strings.CutSuffix(got, "…")
				require.True(t, marked)
				require.True(t, strings.HasPrefix(text, kept) && utf8.ValidString(kept))
			}
			require.LessOrEqual(t, len(e.Path), 1<<10)
			require.True(t, e.Reader.Is(text), "by the whole name")
		})
	}
	whole := read()
	whole.Display = strings.Repeat("x", 1<<10)
	events, _ := scan(t, lines(whole))
	require.Equal(t, whole.Display, events[0].Reader.Display)
}

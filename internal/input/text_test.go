package input_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/input"
)

func TestFinalLineBreakIsDropped(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"a": "a", "a\n": "a", "a\r\n": "a", "": "", "\n": "", "\r\n": "", "a b": "a b", "ä": "ä",
	} {
		text, err := input.Text{}.Read(raw)
		require.NoError(t, err, "%q", raw)
		require.Equal(t, want, text)
	}
	file, err := input.Text{File: true}.Read("\uFEFFa\nb\n")
	require.NoError(t, err)
	require.Equal(t, "\uFEFFa\nb\n", file)
}

func TestRefusalNamesTheCharactersKindAndPosition(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"\uFEFFcanary":  "has a byte order mark, which some editors add: save the file without it (character 1)",
		"ca\nnary":      "has a line break (character 3)",
		"canary\n\n":    "has a line break (character 7)",
		"canary\r":      "has a line break (character 7)",
		"ä\tcanary":     "has a control character (character 2)",
		"canary\x00":    "has a control character (character 7)",
		"canary\u00a0":  "has an invisible character (character 7)",
		"ca\u200bnary":  "has an invisible character (character 3)",
		"\ufffd\ufffdc": "has a character that isn't UTF-8 (character 1)",
		"canary\xff":    "has a character that isn't UTF-8 (character 7)",
	} {
		_, err := input.Text{}.Read(raw)
		require.EqualError(t, err, want, "%q", raw)
	}
	for _, raw := range []any{"\uFEFFtrue", "\uFEFF90s"} {
		for _, read := range []func(any) (any, error){input.Bool, input.Seconds} {
			_, err := read(raw)
			require.ErrorContains(t, err, "has a byte order mark")
		}
	}
	_, err := input.Text{ASCII: true}.Read("canary–")
	require.EqualError(t, err, "has a character outside ASCII (character 7)")
}

func TestValueOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []any{5, 1.5, true, map[string]any{"canary": "canary"}, []any{"canary"}, []string{"canary"}} {
		_, err := input.Text{}.Read(raw)
		require.EqualError(t, err, "must be a string")
	}
	for _, raw := range []any{5, []any{"a", 5}, []any{[]any{"a"}}} {
		_, err := input.Text{List: true}.Read(raw)
		require.EqualError(t, err, "must be a string or a list of strings")
	}
	for _, raw := range []any{5, 1.5, []any{true}, "perhaps", "yes"} {
		_, err := input.Bool(raw)
		require.EqualError(t, err, "must be true or false")
	}
}

func TestListIsAcceptedWhereAllowed(t *testing.T) {
	t.Parallel()
	rule := input.Text{List: true}
	for _, raw := range []any{[]any{"a", "b\n"}, []string{"a", "b"}} {
		list, err := rule.Read(raw)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, list)
	}
	list, err := rule.Read([]any{})
	require.NoError(t, err)
	require.Nil(t, list)
	_, err = rule.Read([]any{"a", "b\nc"})
	require.EqualError(t, err, "has a line break (character 2)")
}

func TestEmptyStringTurnsNothingOff(t *testing.T) {
	t.Parallel()
	for raw, want := range map[any]any{"": nil, "\n": nil, "true\n": true, "false": false, "0": false, true: true, false: false} {
		value, err := input.Bool(raw)
		require.NoError(t, err)
		require.Equal(t, want, value, "%q", raw)
	}
}

func TestPastedDocumentIsNamedBeforeItsCharacters(t *testing.T) {
	t.Parallel()
	rule := input.Text{Pasted: func(string) error { return errors.New("is something else") }}
	_, err := rule.Read("\uFEFFcanary")
	require.EqualError(t, err, "is something else")
}

// FuzzText: what is taken is one visible line, and stays as it is.
func FuzzText(f *testing.F) {
	for _, raw := range []string{"a", "a\n", "\uFEFF", "a\xffb", "\u2028", " "} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		text, err := input.Text{ASCII: true}.Read(raw)
		if err != nil {
			return
		}
		line, _ := text.(string)
		require.False(t, strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }), "%q", line)
		again, err := input.Text{ASCII: true}.Read(line)
		require.NoError(t, err)
		require.Equal(t, line, again)
	})
}

func TestEveryFormOfADurationIsAccepted(t *testing.T) {
	t.Parallel()
	for raw, want := range map[any]any{
		90: 90, int64(90): 90, 90.0: 90, json.Number("90"): 90, "90": 90, "90s": 90, "1m30s": 90, "1.5m": 90, "1500ms\n": nil,
		"2d": 172800, "0": 0, "": nil, "\n": nil, "30m\r\n": 1800,
		-1: nil, "-1m": nil, 1.5: nil, json.Number("1.5"): nil, "1.5": nil, true: nil, "canary": nil, "d": nil, "99999999d": nil,
		"18446744075": nil, 1e300: nil, "2562048h": nil, " 90": nil,
	} {
		seconds, err := input.Seconds(raw)
		if text, ok := raw.(string); ok && input.Line(text) == "" {
			require.NoError(t, err)
			require.Nil(t, seconds)
			continue
		}
		if want == nil {
			require.EqualError(t, err, "must be a non-negative duration in whole seconds, such as 90s, 30m or 1h", "%v", raw)
			continue
		}
		require.NoError(t, err, "%v", raw)
		require.Equal(t, want, seconds)
	}
}

package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/secret"
)

const canary = "canary+secret/value=="

type exported struct {
	Secret secret.Text
}

type unexported struct {
	secret secret.Text
}

func holders() map[string]any {
	text := secret.New(canary)
	return map[string]any{
		"as a value":                      text,
		"as a pointer":                    &text,
		"in an exported field":            exported{text},
		"in an exported field by pointer": &exported{text},
		"in an unexported field":          unexported{text},
		"in a map":                        map[string]secret.Text{"key": text},
		"in a slice":                      []secret.Text{text},
		"in an interface":                 []any{text, &text},
	}
}

func TestNoVerbShowsTheText(t *testing.T) {
	t.Parallel()
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%p", "%T", "%z", "%10.3s"}
	for name, holder := range holders() {
		for _, verb := range verbs {
			shown := fmt.Sprintf(verb, holder)
			require.NotContains(t, shown, "canary", "%s %s", verb, name)
			require.NotContains(t, shown, fmt.Sprintf("%x", canary), "%s %s", verb, name)
			require.NotContains(t, shown, fmt.Sprintf("%X", canary), "%s %s", verb, name)
		}
	}
}

func TestAPrintedTextReadsRedacted(t *testing.T) {
	t.Parallel()
	text := secret.New(canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		require.Equal(t, "[redacted]", fmt.Sprintf(verb, text))
		require.Equal(t, "[redacted]", fmt.Sprintf(verb, &text))
	}
	require.Equal(t, "[redacted]", text.String())
	require.Equal(t, "{Secret:[redacted]}", fmt.Sprintf("%+v", exported{text}))
}

func TestNoEncoderShowsTheText(t *testing.T) {
	t.Parallel()
	for name, holder := range holders() {
		encoded, err := json.Marshal(holder)
		require.NoError(t, err, name)
		require.NotContains(t, string(encoded), "canary", name)
	}
	encoded, err := json.Marshal(exported{secret.New(canary)})
	require.NoError(t, err)
	require.JSONEq(t, `{"Secret":"[redacted]"}`, string(encoded))

	encoded, err = xml.Marshal(exported{secret.New(canary)})
	require.NoError(t, err)
	require.Equal(t, "<exported><Secret>[redacted]</Secret></exported>", string(encoded))
}

func TestGobRefusesTheText(t *testing.T) {
	t.Parallel()
	for _, holder := range []any{secret.New(canary), exported{secret.New(canary)}} {
		var out bytes.Buffer
		require.Error(t, gob.NewEncoder(&out).Encode(holder))
		require.NotContains(t, out.String(), "canary")
	}
}

func TestNoLoggerShowsTheText(t *testing.T) {
	t.Parallel()
	for name, holder := range holders() {
		for _, asJSON := range []bool{false, true} {
			var out bytes.Buffer
			log := hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: asJSON})
			log.Error("event", "field", holder)
			require.Contains(t, out.String(), "event")
			require.NotContains(t, out.String(), "canary", name)
		}
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Error("event", "field", holder)
		slog.New(slog.NewTextHandler(&out, nil)).Error("event", "field", holder)
		require.NotContains(t, out.String(), "canary", name)
	}
}

func TestATextCannotBeDecoded(t *testing.T) {
	t.Parallel()
	var text secret.Text
	require.Error(t, json.Unmarshal([]byte(`"anything"`), &text)) //nolint:staticcheck // that it has no way in is the point
	require.True(t, text.IsZero())
}

func TestEqualComparesTheStrings(t *testing.T) {
	t.Parallel()
	require.True(t, secret.New(canary).Equal(secret.New(canary)))
	require.True(t, secret.New("").Equal(secret.Text{}))
	require.False(t, secret.New(canary).Equal(secret.New(canary+"x")))
	require.False(t, secret.New(canary).Equal(secret.Text{}))
}

func TestRevealReturnsWhatWentIn(t *testing.T) {
	t.Parallel()
	require.Equal(t, canary, secret.New(canary).Reveal())
	require.Empty(t, secret.Text{}.Reveal())
	require.True(t, secret.New("").IsZero())
	require.False(t, secret.New(canary).IsZero())
}

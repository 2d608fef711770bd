package tokentext

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jwt is as long as those of IMS.
func jwt() string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + encode([]byte(`{"scope":["itwin-platform"]}`)) + "." +
		encode([]byte(strings.Repeat("\x9f\x07", 128)))
}

// wrap breaks a text after each 76 characters.
func wrap(text, with string) string {
	var lines []string
	for len(text) > 76 {
		lines, text = append(lines, text[:76]), text[76:]
	}
	return strings.Join(append(lines, text), with)
}

func TestParseYieldsTheTokenThatWasHandedOut(t *testing.T) {
	t.Parallel()
	token := jwt()
	for name, text := range map[string]string{
		"alone":                       token,
		"the line break of a file":    token + "\r\n",
		"a byte order mark":           "\ufeff" + token,
		"wrapped":                     wrap(token, "\n"),
		"wrapped and indented":        "  " + wrap(token, "\r\n    ") + " ",
		"wrapped by a page":           wrap(token, "\u200b"),
		"Bearer":                      "Bearer " + token,
		"bearer, wrapped":             "bearer\n" + wrap(token, "\n"),
		"a header":                    "Authorization: Bearer " + token,
		"a header in quotes":          `"authorization: bearer ` + token + `"`,
		"quotes":                      `"` + token + `"`,
		"single quotes":               " '" + token + "'\n",
		"backquotes":                  "`" + token + "`",
		"quotes around wrapped lines": `"` + wrap(token, "\n") + `"`,
		"an answer of IMS":            `{"access_token":"` + token + `","expires_in":3600}`,
		"an answer of Vault":          `{"request_id":"r","data":{"access_token":"` + token + `","ttl":7}}`,
		"JSON with Bearer inside":     "\ufeff{\"access_token\": \"Bearer " + token + "\"}\n",
		"a line of a table":           "access_token           " + token,
		"an assignment":               "access_token=" + token,
	} {
		got, err := Parse(text)
		require.NoError(t, err, name)
		require.Equal(t, token, got, name)
	}
	for _, opaque := range []string{"a", "opaque-token.1~2+3/4==", "'opaque'", "Bearer opaque"} {
		got, err := Parse(opaque)
		require.NoError(t, err)
		require.Equal(t, strings.TrimPrefix(strings.Trim(opaque, "'"), "Bearer "), got)
	}
}

func TestParseRefusesWhatNobodyWasHanded(t *testing.T) {
	t.Parallel()
	token := jwt()
	parts := strings.Split(token, ".")
	last := token[len(token)-1]
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":                      {"", ErrEmpty},
		"a byte order mark alone":      {"\ufeff \n", ErrEmpty},
		"Bearer alone":                 {"Bearer ", ErrEmpty},
		"quotes alone":                 {`""`, ErrEmpty},
		"too long":                     {strings.Repeat("a", MaxBytes+1), ErrTooLong},
		"UTF-16":                       {"\xff\xfee\x00y\x00J\x00", ErrUTF16},
		"JSON without a token":         {`{"errors":["canary"]}`, ErrJSON},
		"JSON that is cut off":         {`{"access_token":"` + token, ErrJSON},
		"two tokens":                   {token + "\n" + token, ErrSeveral},
		"a broken opaque token":        {"opaque\ntoken", ErrSeveral},
		"a quote on one side":          {`"` + token, ErrNoToken},
		"an ellipsis":                  {token[:40] + "…", ErrNoToken},
		"percent-encoded":              {token + "%3D", ErrNoToken},
		"the header alone":             {parts[0], ErrCut},
		"no signature":                 {parts[0] + "." + parts[1] + ".", ErrCut},
		"the first line of a terminal": {token[:76], ErrCut},
		"all lines but the last":       {token[:76*4], ErrCut},
		"without its first character":  {token[1:], ErrCut},
		"five parts":                   {token + ".a.b", ErrCut},
		"padding":                      {token + "==", ErrCut},
		"bits that carry nothing":      {token[:len(token)-1] + string(last+1), ErrCut},
		"upper case":                   {"eyJ" + strings.ToUpper(token[3:]), ErrCut},
	} {
		got, err := Parse(c.text)
		require.ErrorIs(t, err, c.want, name)
		require.Empty(t, got, name)
		require.NotContains(t, err.Error(), "canary")
	}
}

// FuzzParse: what is yielded is a token that yields itself.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		jwt(), "Bearer a", `{"access_token":"a"}`, "\ufeff'a'", wrap(jwt(), "\n"), `{"data":{"access_token":"{}"}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := Parse(text)
		if err != nil {
			require.Empty(t, token)
			return
		}
		require.Regexp(t, `\A[A-Za-z0-9._~+/-]+=*\z`, token)
		again, err := Parse(token)
		require.NoError(t, err)
		require.Equal(t, token, again)
	})
}

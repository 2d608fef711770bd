package tokentext_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokentext"
)

// token is a JWT as IMS signs it, with a modulus of 2048 bits.
func token(subject string) string {
	return jwt(`{"alg":"RS256","kid":"BentleyIMS_2026","pi.atm":"a8me"}`, fmt.Sprintf(`{"client_id":%q}`, subject), 256)
}

func jwt(header, claims string, size int) string {
	var signature []byte
	for i := 0; len(signature) < size; i++ {
		sum := sha256.Sum256([]byte(claims + fmt.Sprint(i)))
		signature = append(signature, sum[:]...)
	}
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(claims)) + "." + e.EncodeToString(signature[:size])
}

// wrapped breaks a text after each so many characters.
func wrapped(text string, columns int, lineBreak string) string {
	var lines []string
	for chunk := range slices.Chunk([]byte(text), columns) {
		lines = append(lines, string(chunk))
	}
	return strings.Join(lines, lineBreak)
}

func inUTF16(text string, mark ...byte) string {
	for _, unit := range utf16.Encode([]rune(text)) {
		mark = append(mark, byte(unit), byte(unit>>8))
	}
	return string(mark)
}

func TestTokenIsReadTheWayPeopleHaveIt(t *testing.T) {
	t.Parallel()
	const rows = "\nclient_id     service-1\nttl           1742\n"
	want, other := token("service-1"), token("service-2")
	vaultJSON := fmt.Sprintf(`{
  "request_id": "1f0c7b0a-6d3a-4a55-9a9c-6f3f0f5f0b1e",
  "lease_id": "",
  "data": {
    "access_token": %q,
    "client_id": "service-1",
    "expires_at": "2026-11-23T10:26:34Z",
    "token_id": %q
  },
  "wrap_info": null,
  "auth": null
}`, want, tokenID(want))
	for name, text := range map[string]string{
		"as it is":                           want,
		"with a line break":                  want + "\n",
		"with CRLF":                          want + "\r\n",
		"in double quotes":                   `"` + want + `"`,
		"in single quotes":                   `'` + want + "'\n",
		"in typographic quotes":              "“" + want + "”",
		"in backticks":                       "`" + want + "`",
		"with Bearer":                        "Bearer " + want,
		"with bearer in small letters":       "bearer\t" + want,
		"in a header":                        "Authorization: Bearer " + want + "\r\n",
		"in a header in quotes":              `-H "authorization: Bearer ` + want + `"`,
		"in a command of curl":               `curl -sS -H 'Authorization: Bearer ` + want + `' https://api.bentley.com/users/me`,
		"in a command with no quotes":        `http api.bentley.com/users/me Authorization:"Bearer "` + want + " Accept:application/json",
		"in an assignment":                   "export ITWIN_TOKEN=" + want + "\n",
		"in a line of a log":                 "time=10:26 token=" + want + " status=200\n",
		"in color":                           "\x1b[1;32m" + want + "\x1b[0m",
		"in a bracketed paste":               "\x1b[200~" + want + "\x1b[201~",
		"in YAML":                            "access_token: " + want + "\n",
		"in a form":                          "access_token=" + want + "&token_type=Bearer&expires_in=3600",
		"with a byte order mark":             "\ufeff" + want,
		"in UTF-16 with its mark":            inUTF16(want+"\r\n", 0xff, 0xfe),
		"with soft hyphens":                  wrapped(want, 40, "\u00ad"),
		"with no-break spaces":               "\u00a0" + want + "\u00a0",
		"after a zsh prompt's mark":          want + "%",
		"wrapped and indented":               wrapped(want, 76, "\n    "),
		"wrapped with CRLF":                  "Bearer " + wrapped(want, 76, "\r\n"),
		"wrapped into spaces":                wrapped(want, 60, " "),
		"wrapped with empty lines":           wrapped(want, 76, "\n\n"),
		"Vault's JSON":                       vaultJSON,
		"Vault's JSON, wrapped":              wrapped(vaultJSON, 80, "\n"),
		"Vault's JSON in one line":           strings.Join(strings.Fields(vaultJSON), ""),
		"IMS's JSON":                         fmt.Sprintf(`{"access_token":%q,"expires_in":3600,"token_type":"Bearer"}`, want),
		"JSON beside an id_token":            fmt.Sprintf(`{"id_token":%q,"access_token":%q}`, other, want),
		"JSON within JSON":                   fmt.Sprintf(`{"body":"{\"id_token\":\"%s\",\"access_token\":\"%s\"}"}`, other, want),
		"JSON of an unwrapping":              fmt.Sprintf(`{"auth":{"token":"hvs.CAESIJabcde"},"data":{"data":{"access_token":%q}}}`, want),
		"JSON whose client id has eyJ in it": fmt.Sprintf(`{"client_id":"service-XeyJq","id_token":"eyJ.","access_token":%q}`, want),
		"a string of JSON":                   fmt.Sprintf("%q\n", want),
		"twice the same":                     fmt.Sprintf(`{"data":{"access_token":%[1]q},"token":%[1]q}`, want),
		"an answer with its headers":         "HTTP/2 200\r\ncontent-type: application/json\r\n\r\n" + vaultJSON,
		"vault read's table":                 "Key           Value\n---           -----\naccess_token  " + want + rows,
		"vault read's table, wrapped":        "access_token  " + wrapped(want, 80, "\n") + rows,
		"signed by 4096 bits":                jwt(`{"alg":"PS512"}`, `{}`, 512),
		"signed by an elliptic curve":        jwt(`{"alg":"ES256"}`, `{}`, 64),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tokentext.Read(text)
			require.NoError(t, err)
			if !strings.HasPrefix(name, "signed") {
				require.Equal(t, want, got.Reveal())
			}
			_, isID := tokentext.ID(text)
			require.False(t, isID)
		})
	}
}

func TestTokenIsReadWhateverTheColumnItWasWrappedAt(t *testing.T) {
	t.Parallel()
	want := token("service-1")
	answer := fmt.Sprintf(`{"data":{"access_token":%q,"token_type":"Bearer"}}`, want)
	for columns := 1; columns < len(answer); columns++ {
		for _, text := range []string{want, "Authorization: Bearer " + want, answer} {
			got, err := tokentext.Read(wrapped(text, columns, "\n"))
			require.NoError(t, err, columns)
			require.Equal(t, want, got.Reveal(), columns)
		}
	}
}

// TestTokenThatLostACharacterIsRefused cuts each part of a token off, and each character out, as a paste may.
func TestTokenThatLostACharacterIsRefused(t *testing.T) {
	t.Parallel()
	whole := token("service-1")
	for i := range whole {
		for name, text := range map[string]string{
			"head cut off": whole[i+1:], "tail cut off": whole[:i], "one lost": whole[:i] + whole[i+1:],
			"one altered": whole[:i] + "+" + whole[i+1:], "shortened": whole[:i] + "…" + whole[i+1:],
			"tail cut off, in a table": "access_token  " + whole[:i] + "\nclient_id  service-1\n",
		} {
			_, err := tokentext.Read(text)
			require.Errorf(t, err, "%s at %d", name, i)
		}
	}
}

func TestTextThatIsNoTokenIsRefusedByItsKind(t *testing.T) {
	t.Parallel()
	one, other := token("service-1"), token("service-2")
	id := tokenID(one)
	// 256 bytes leave four bits of the last character unused.
	stray := one[:len(one)-1] + string(one[len(one)-1]+1)
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":                     {"", tokentext.ErrEmpty},
		"a file of one line break":    {"\ufeff\r\n", tokentext.ErrEmpty},
		"empty quotes":                {`""`, tokentext.ErrEmpty},
		"a word":                      {"hello", tokentext.ErrNotJWT},
		"Bearer alone":                {"Bearer ", tokentext.ErrNotJWT},
		"an unset variable":           {"$ITWIN_TOKEN", tokentext.ErrNotJWT},
		"what prints as redacted":     {"[redacted]", tokentext.ErrNotJWT},
		"JSON without a token":        {`{"data":null,"errors":["permission denied"]}`, tokentext.ErrNotJWT},
		"a token_id":                  {id + "\n", tokentext.ErrTokenID},
		"a token_id in capitals":      {strings.ToUpper(id), tokentext.ErrTokenID},
		"a token_id by its name":      {`"token_id": "` + id + `",`, tokentext.ErrTokenID},
		"a token_id by sha256sum":     {id + "  -\n", tokentext.ErrTokenID},
		"an HMAC":                     {"hmac-sha256:" + id, tokentext.ErrHMAC},
		"a Vault token":               {"hvs.CAESIJabcdefghijklmnopqrstuvwxyz", tokentext.ErrVaultToken},
		"an older Vault token":        {"s.abcdefghijklmnopqrstuvwx\n", tokentext.ErrVaultToken},
		"a login's answer":            {`{"wrap_info": null,"auth":{"client_token":"hvs.CAESIJabcdefgh"}}`, tokentext.ErrVaultToken},
		"a wrapped answer":            {`{"data":null,"wrap_info":{"token":"hvs.CAESIJabcdefgh","ttl":60}}`, tokentext.ErrWrapped},
		"a wrapped answer's table":    {"Key              Value\nwrapping_token:  hvs.CAESIJabcdefgh\n", tokentext.ErrWrapped},
		"two tokens":                  {one + "\n" + other, tokentext.ErrSeveral},
		"two tokens, wrapped":         {wrapped(one, 80, "\n") + "\n" + wrapped(other, 80, "\n"), tokentext.ErrSeveral},
		"two tokens in JSON":          {fmt.Sprintf(`[%q,%q]`, one, other), tokentext.ErrSeveral},
		"two tokens of the same name": {fmt.Sprintf(`[{"access_token":%q},{"access_token":%q}]`, one, other), tokentext.ErrSeveral},
		"one glued to another":        {one + other, tokentext.ErrSeveral},
		"one in the middle of a word": {"x" + one, tokentext.ErrIncomplete},
		"one with another cut off":    {fmt.Sprintf(`[%q,%q]`, one, other[:100]), tokentext.ErrIncomplete},
		"a cut one beside an id_token": {
			fmt.Sprintf(`{"id_token":%q,"access_token":%q}`, other, one[:len(one)-4]), tokentext.ErrIncomplete,
		},
		"bits that nobody set":        {stray, tokentext.ErrIncomplete},
		"padding":                     {one + "==", tokentext.ErrIncomplete},
		"base64 of another alphabet":  {strings.NewReplacer("-", "+", "_", "/").Replace(one), tokentext.ErrIncomplete},
		"an encoded URL":              {strings.ReplaceAll(one, ".", "%2E"), tokentext.ErrIncomplete},
		"one abbreviated by dots":     {one[:100] + "...", tokentext.ErrIncomplete},
		"one in small letters":        {"eyJ" + strings.ToLower(one[3:]), tokentext.ErrIncomplete},
		"no signature":                {jwt(`{"alg":"none"}`, `{}`, 0), tokentext.ErrIncomplete},
		"a signature of half the key": {jwt(`{"alg":"RS256"}`, `{}`, 128), tokentext.ErrIncomplete},
		"claims that are a list":      {jwt(`{"alg":"RS256"}`, `[]`, 256), tokentext.ErrIncomplete},
		"claims that are null":        {jwt(`{"alg":"RS256"}`, `null`, 256), tokentext.ErrIncomplete},
		"a header without algorithm":  {jwt(`{"typ":"JWT"}`, `{}`, 256), tokentext.ErrIncomplete},
		"a token too long":            {jwt(`{"alg":"RS256"}`, `{"a":"`+strings.Repeat("x", 50_000)+`"}`, 256), tokentext.ErrTooLong},
		"a text too long":             {one + strings.Repeat(" ", 1<<20), tokentext.ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tokentext.Read(c.text)
			require.Equal(t, c.want, err)
			got, isID := tokentext.ID(c.text)
			require.Equal(t, c.want == tokentext.ErrTokenID, isID) //nolint:errorlint // these are never wrapped
			if isID {
				require.Equal(t, id, got)
			}
		})
	}
}

// TestSearchIsLinear would take minutes if each candidate were compared with all text before it, or each line copied
// with all lines before it.
func TestSearchIsLinear(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("eyJ,", 1<<18), "eyJ" + strings.Repeat("\nx", 500_000)} {
		_, err := tokentext.Read(text)
		require.Equal(t, tokentext.ErrIncomplete, err)
	}
}

func tokenID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Package tokentext extracts an access token from pasted text: a token wrapped by
// a terminal, in quotes, in an Authorization header or in a JSON answer.
//
// A token is looked up by the hash of its exact text, so an incomplete or altered token
// would never be found. Read therefore returns a complete token or an error.
package tokentext

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"

	"vault-plugin-secrets-itwin/internal/secret"
)

// Why a text is refused. These errors complete a sentence, such as "the token is empty",
// and never quote the text.
var (
	ErrEmpty      = errors.New("is empty: give an access token")
	ErrTokenID    = errors.New("is a token_id: give the access token itself")
	ErrHMAC       = errors.New("is an HMAC from an audit log: give the access token itself")
	ErrVaultToken = errors.New("is a Vault token: give the access_token that the iTwin engine returned")
	ErrWrapped    = errors.New("is a wrapped response: run vault unwrap, and give the access_token that it returns")
	ErrSeveral    = errors.New("contains more than one token: give one at a time")
	ErrIncomplete = errors.New("is incomplete or altered: give the whole access token, from eyJ to the end of its third part")
	ErrNotJWT     = errors.New("is not an access token: give the JWT that starts with eyJ")
	ErrTooLong    = errors.New("is longer than an access token can be (64 KiB): give only the token")
)

const (
	// maxToken is the longest token the engine hands out, in bytes.
	maxToken = 64 << 10
	// maxText, in bytes, leaves room for text around the token.
	maxText = 1 << 20
	// maxBefore, in bytes, is how far before a candidate its name can be. It keeps the search linear.
	maxBefore = 100
)

var (
	// candidate matches a possible token, with the white space that wraps it. Base64url of `{"` is eyJ.
	candidate = regexp.MustCompile(`e\s*y\s*J[A-Za-z0-9_.\s-]*`)
	// glued matches a character before a candidate that makes it part of base64, a URL or a word.
	glued = regexp.MustCompile(`[A-Za-z0-9_.+/~%-]$`)
	// encoded matches characters after a candidate that base64 and URLs use but base64url doesn't.
	encoded = regexp.MustCompile(`^([+/=~]|%[0-9A-Fa-f]{2})`)
	// named matches the text before the value of access_token in JSON, a form, a table or an assignment.
	named = regexp.MustCompile(`(?i)access_token[\\"'\s:=]*$`)

	tokenID  = regexp.MustCompile(`(?i)^["'\s]*(?:token_id["'\s:=]*)?([0-9a-f]{64})["',;*\s-]*$`)
	wrapInfo = regexp.MustCompile(`"wrap_info"\s*:\s*\{|wrapping_token:`)
	// control is a control sequence of ECMA-48, such as a color or a bracketed paste.
	control = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z~]`)

	vaultToken = regexp.MustCompile(`\b(hv[sbr]\.[A-Za-z0-9_-]{8}|[sbr]\.[A-Za-z0-9]{24}\b)`)
)

// Read returns the one access token in raw, exactly as it was handed out: a JWT in the
// compact form of RFC 7515. Line breaks, spaces, quotes, byte order marks and other
// invisible characters are dropped, and so is what surrounds the token, such as a field
// name or "Authorization: Bearer". Of several tokens, it takes the one named access_token.
//
// It refuses everything else with one of this package's errors, including a token with a
// part missing. It can't notice a changed character: only verifying the signature can.
func Read(raw string) (secret.Text, error) {
	if len(raw) > maxText {
		return secret.Text{}, ErrTooLong
	}
	token, err := search(visible(raw))
	if err != nil {
		return secret.Text{}, err
	}
	if len(token) > maxToken {
		return secret.Text{}, ErrTooLong
	}
	return secret.New(token), nil
}

// ID returns the token_id that raw consists of, in lower case as the engine returns it.
func ID(raw string) (string, bool) {
	match := tokenID.FindStringSubmatch(visible(raw))
	if match == nil {
		return "", false
	}
	return strings.ToLower(match[1]), true
}

// visible drops invisible characters that pasted text may contain, such as byte order
// marks, soft hyphens and the zero bytes of UTF-16, and converts all white space to
// characters that \s matches.
func visible(raw string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\u2028':
			return '\n'
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, control.ReplaceAllLiteralString(raw, ""))
}

// search finds the one token in a text. A token named access_token takes precedence.
func search(text string) (string, error) {
	var access, other string
	var damaged error
	for _, at := range candidate.FindAllStringIndex(text, -1) {
		before, after := text[max(0, at[0]-maxBefore):at[0]], text[at[1]:]
		token, err := unwrapped(text[at[0]:at[1]])
		isLast := err != nil || joinedWords(text[at[0]:at[1]]) == token
		if glued.MatchString(before) || isLast && encoded.MatchString(after) {
			err = ErrIncomplete
		}
		to := &other
		if named.MatchString(before) {
			to = &access
		}
		switch {
		case err == nil && *to != "" && *to != token:
			err = ErrSeveral
		case err == nil:
			*to = token
		}
		if err != nil && to == &access {
			return "", err
		}
		damaged = cmp.Or(damaged, err)
	}
	switch {
	case access != "":
		return access, nil
	case damaged != nil:
		return "", damaged
	case other != "":
		return other, nil
	}
	return "", mistaken(text)
}

// unwrapped joins the lines and words of a candidate. What follows the token, such as
// further rows of a table, is left out if it can't be part of it: a wrapped token's
// lines are single words.
func unwrapped(text string) (string, error) {
	whole := joinedWords(text)
	if complete(whole) {
		return whole, nil
	}
	var joined strings.Builder
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 1 || len(words) > 1 && joined.Len() == 0 {
			joined.WriteString(words[0])
		}
		if len(words) > 1 {
			break
		}
	}
	token := joined.String()
	rest := whole[len(token):]
	switch {
	case strings.Contains(rest, "eyJ"), strings.Count(token, ".") > 3 && strings.Count(token, "eyJ") > 2:
		return "", ErrSeveral
	case !complete(token):
		return "", ErrIncomplete
	}
	return token, nil
}

func joinedWords(text string) string { return strings.Join(strings.Fields(text), "") }

// complete reports whether a token has all three parts of a JWT, each of them whole.
// Whole means canonical: Vault logs a hash of the text, so of two spellings of the same
// bytes only one was handed out.
func complete(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	var header struct {
		Alg string `json:"alg"`
	}
	var claims map[string]json.RawMessage
	signature, err := decode(parts[2])
	return err == nil && unmarshal(parts[0], &header) && unmarshal(parts[1], &claims) && claims != nil &&
		fits(len(signature), header.Alg)
}

func unmarshal(part string, into any) bool {
	text, err := decode(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// decode reads the base64url of RFC 7515: no padding, and no bits that encode nothing.
func decode(part string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(part) }

// fits reports whether a signature can have this size in bytes, by RFC 7518 section 3.
func fits(size int, algorithm string) bool {
	switch algorithm {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return size >= 256 && size%128 == 0 // a modulus of 2048, 3072, 4096 … bits
	case "ES256":
		return size == 64
	case "ES384":
		return size == 96
	case "ES512":
		return size == 132
	}
	return false
}

// mistaken describes what was given instead of an access token.
func mistaken(text string) error {
	_, isID := ID(text)
	switch {
	case strings.Trim(text, "\"' \n") == "":
		return ErrEmpty
	case isID:
		return ErrTokenID
	case strings.Contains(text, "hmac-sha256:"):
		return ErrHMAC
	case wrapInfo.MatchString(text):
		return ErrWrapped
	case vaultToken.MatchString(text):
		return ErrVaultToken
	}
	return ErrNotJWT
}

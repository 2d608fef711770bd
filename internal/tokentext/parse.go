// Package tokentext finds the access token in a text as people have it: copied from a
// terminal, a header or a JSON answer. It yields exactly the token that was handed out,
// or refuses: a token that differs in one character is nobody's, and an answer about it
// would mislead those who ask which one leaked.
package tokentext

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"
)

// MaxBytes is the longest token, and the longest text that is looked at.
const MaxBytes = 64 << 10

// The errors of Parse complete a sentence that begins with the name of a field, and
// never repeat the text.
var (
	ErrEmpty   = errors.New("is missing: give the access token")
	ErrTooLong = errors.New("is longer than 64 KiB: give the access token alone")
	ErrUTF16   = errors.New("is UTF-16, as Windows PowerShell writes files: save it as UTF-8 or ASCII")
	ErrJSON    = errors.New("is JSON without an access_token: give the access token alone")
	ErrSeveral = errors.New("is more than one text: give one access token alone")
	ErrNoToken = errors.New("has characters that no token has: give the access token alone")
	ErrCut     = errors.New("isn't a whole token: part of it is missing or was changed; copy it again")
)

var (
	// label matches what stands in front of a token: a header, or the line of a table.
	label = regexp.MustCompile(`(?i)\A(authorization\s*:|bearer(\s|\z)|access_token(\s*[:=]|\s)|token\s*[:=])\s*`)
	// b64token follows RFC 6750 section 2.1.
	b64token = regexp.MustCompile(`\A[A-Za-z0-9._~+/-]+=*\z`)
)

// Parse returns the token in a text. It undoes line breaks and spaces within a JWT,
// quotes, "Bearer " and labels in front, byte order marks, and JSON with an
// access_token, as IMS and vault -format=json write it. A JWT must be whole and spelled
// as its issuer spells it. A token of another kind, of which nothing is known, must be
// unbroken.
func Parse(text string) (string, error) {
	if len(text) > MaxBytes {
		return "", ErrTooLong
	}
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") || strings.Contains(text, "\x00") {
		return "", ErrUTF16
	}
	text, err := unwrap(text)
	switch {
	case err != nil:
		return "", err
	case text == "":
		return "", ErrEmpty
	}
	joined := strings.Join(strings.FieldsFunc(text, isGap), "")
	switch {
	case !b64token.MatchString(joined):
		return "", ErrNoToken
	case strings.Count(joined, ".eyJ") > 1:
		return "", ErrSeveral
	case strings.HasPrefix(joined, "eyJ"), strings.Contains(joined, ".eyJ"): // {" in base64
		if !isWholeJWT(joined) {
			return "", ErrCut
		}
	case joined != text:
		return "", ErrSeveral
	}
	return joined, nil
}

// isGap is true for what a terminal, a page or a mail puts between two characters.
func isGap(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// unwrap takes off what is around a token, layer by layer.
func unwrap(text string) (string, error) {
	for {
		text = strings.TrimFunc(text, isGap)
		inner := text[len(label.FindString(text)):]
		switch {
		case strings.HasPrefix(text, "{"):
			var err error
			if inner, err = fromJSON(text); err != nil {
				return "", err
			}
		case len(text) > 1 && strings.ContainsRune("\"'`", rune(text[0])) && text[len(text)-1] == text[0]:
			inner = text[1 : len(text)-1]
		}
		if inner == text {
			return text, nil
		}
		text = inner
	}
}

// fromJSON reads an answer of IMS, or of Vault, which has it below data.
func fromJSON(text string) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		Data        struct {
			AccessToken string `json:"access_token"`
		} `json:"data"`
	}
	if json.Unmarshal([]byte(text), &answer) != nil || answer.AccessToken == "" && answer.Data.AccessToken == "" {
		return "", ErrJSON
	}
	if answer.AccessToken != "" {
		return answer.AccessToken, nil
	}
	return answer.Data.AccessToken, nil
}

// isWholeJWT is false for a JWT (RFC 7519) that can't be as it was handed out. What it
// can't see is a change of single characters; the signature tells that.
func isWholeJWT(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		decoded[i], err = base64.RawURLEncoding.DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(decoded[i]) != part {
			return false
		}
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var claims map[string]any
	return json.Unmarshal(decoded[0], &header) == nil && json.Unmarshal(decoded[1], &claims) == nil &&
		isSignature(decoded[2], header.Algorithm)
}

// isSignature tells a whole RSA signature, which is as long as its key (RFC 8017 section
// 8), from one that was cut off. Keys of 2048, 3072 and 4096 bits are what is used.
func isSignature(signature []byte, algorithm string) bool {
	if !strings.HasPrefix(algorithm, "RS") && !strings.HasPrefix(algorithm, "PS") {
		return len(signature) > 0
	}
	return len(signature) >= 256 && len(signature)%128 == 0
}

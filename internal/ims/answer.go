package ims

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"vault-plugin-secrets-itwin/internal/input"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
)

const (
	maxToken    = 64 << 10
	maxScope    = 1024
	minEcho     = 16
	minLifetime = 4 * time.Second
	maxLifetime = 24 * time.Hour
	bearer      = "Bearer"
)

// The fields of RFC 6749 section 5.1 that x/oauth2 doesn't read as we do.
const (
	fieldExpiresIn = "expires_in"
	fieldScope     = "scope"
)

// Grant is a token as IMS granted it.
type Grant struct {
	AccessToken secret.Text
	// TokenType is always "Bearer".
	TokenType string
	// Scope is what IMS granted; empty if it didn't say, or if its text must not be
	// shown or can't be a scope.
	Scope scopes.Set
	// RequestedAt is taken before the request is sent: Lifetime counts from
	// there, so that a slow answer never makes a token look younger.
	RequestedAt time.Time
	// Lifetime is from 4 s to 24 h.
	Lifetime      time.Duration
	CorrelationID string
	// Took is the duration of the whole exchange.
	Took time.Duration
}

var (
	// b64token follows RFC 6750 section 2.1.
	b64token = regexp.MustCompile(`\A[A-Za-z0-9._~+/-]+=*\z`)
	// scopeText follows RFC 6749 section 3.3.
	scopeText = regexp.MustCompile(`\A[\x21\x23-\x5B\x5D-\x7E ]*\z`)
	// jsonNumber follows RFC 8259 section 6, but forgives leading zeros.
	jsonNumber = regexp.MustCompile(`\A-?\d+(\.\d+)?([eE][+-]?\d+)?\z`)
)

// readToken decides what counts as a token. Its errors are safe to show.
func (x *exchange) readToken(token *oauth2.Token) (Grant, error) {
	switch {
	case len(token.AccessToken) > maxToken:
		return Grant{}, fmt.Errorf("its access_token is longer than %d KiB", maxToken>>10)
	case !b64token.MatchString(token.AccessToken):
		return Grant{}, errors.New("its access_token contains characters that RFC 6750 doesn't allow")
	case x.isEcho(token.AccessToken):
		return Grant{}, errors.New("its access_token contains the client secret")
	case input.Leftover(token.AccessToken) != "":
		return Grant{}, errors.New("its access_token looks like a placeholder for a missing value")
	case token.TokenType != "" && !strings.EqualFold(token.TokenType, bearer):
		return Grant{}, errors.New("its token_type is not Bearer")
	}
	lifetime, err := x.lifetime(token.AccessToken)
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		AccessToken: secret.New(token.AccessToken), TokenType: bearer,
		Scope: x.grantedScope(token.AccessToken), Lifetime: lifetime,
	}, nil
}

// isEcho reports whether a token, or a part of a JWT, holds the secret that was sent: a
// server that repeats what it is sent must not hand it to every reader. A short secret
// could be in a token by chance.
func (x *exchange) isEcho(token string) bool {
	sent := x.client.options.ClientSecret.Reveal()
	if len(sent) < minEcho {
		return false
	}
	for part := range strings.SplitSeq(token, ".") {
		decoded, _ := base64.RawURLEncoding.DecodeString(part) // what precedes an error counts as well
		if strings.Contains(string(decoded), sent) {
			return true
		}
	}
	return strings.Contains(token, sent)
}

// lifetime takes expires_in (RFC 6749 section 5.1) or, if that is absent or longer, the
// time that the token itself states: no API takes a token past its own end. It rounds down.
func (x *exchange) lifetime(token string) (time.Duration, error) {
	seconds, stated := number(x.answer[fieldExpiresIn])
	own, ownStated := statedLifetime(token)
	switch raw := x.answer[fieldExpiresIn]; {
	case stated && ownStated:
		seconds = min(seconds, own)
	case stated:
	case raw != nil && string(raw) != "null":
		return 0, errors.New("its expires_in is not a number of seconds")
	case ownStated:
		seconds = own
	default:
		return 0, errors.New("it states no lifetime: no expires_in, and no exp and iat in the token")
	}
	seconds = math.Floor(seconds)
	if seconds < minLifetime.Seconds() || seconds > maxLifetime.Seconds() {
		return 0, errors.New("its lifetime is not between 4 s and 24 h")
	}
	return time.Duration(seconds) * time.Second, nil
}

// statedLifetime returns exp − iat of a JWT (RFC 7519 section 4.1) in seconds. The
// signature isn't verified: a server that could forge it could forge expires_in.
func statedLifetime(token string) (seconds float64, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0, false
	}
	var claims struct{ Exp, Iat json.RawMessage }
	if err := json.Unmarshal(payload, &claims); err != nil {
		return 0, false
	}
	exp, hasExp := number(claims.Exp)
	iat, hasIat := number(claims.Iat)
	return exp - iat, hasExp && hasIat
}

// number reads a JSON number in any spelling, or one in a string. It never returns
// infinity or what isn't a number.
func number(raw json.RawMessage) (value float64, ok bool) {
	text := string(raw)
	if len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	if !jsonNumber.MatchString(text) {
		return 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	return max(min(value, math.MaxInt64), math.MinInt64), err == nil || errors.Is(err, strconv.ErrRange)
}

// grantedScope reads a string (RFC 6749 section 5.1) or, as in tokens of IMS, an array
// of strings. Scopes are stored and shown, so they must not hold the secret or the token.
func (x *exchange) grantedScope(token string) scopes.Set {
	var list []string
	var text string
	switch raw := x.answer[fieldScope]; {
	case json.Unmarshal(raw, &text) == nil:
		list = []string{text}
	case json.Unmarshal(raw, &list) != nil:
		return scopes.Set{}
	}
	granted := scopes.Granted(list...)
	text = strings.Join(list, " ")
	switch {
	case granted == x.wanted:
		return granted
	case len(text) > maxScope, !scopeText.MatchString(text), x.client.cleaner.Finds(text), outbound.NewCleaner(token).Finds(text):
		return scopes.Set{}
	}
	return granted
}

// Package scopes defines a set of OAuth 2.0 scopes.
package scopes

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxLength is the longest scope parameter, in characters.
const maxLength = 1024

// Set is a set of scopes in its one canonical form: sorted, without duplicates,
// separated by single spaces. The order of scopes has no meaning (RFC 6749
// section 3.3), so equal sets share one token. The zero Set is empty.
type Set struct{ text string }

// Parse reads scopes separated by spaces or commas. It refuses characters that RFC
// 6749 section 3.3 doesn't allow in a scope, scopes that IMS grants only to people,
// an empty list, and more than 1024 characters. Its errors complete a sentence that
// begins with the name of a field.
func Parse(raw string) (Set, error) {
	fields := split(raw)
	for _, scope := range fields {
		if err := check(scope); err != nil {
			return Set{}, err
		}
	}
	set := of(fields)
	switch {
	case set.IsZero():
		return Set{}, errors.New("must name at least one scope, such as itwin-platform")
	case len(set.text) > maxLength:
		return Set{}, fmt.Errorf("must be at most %d characters in total", maxLength)
	}
	return set, nil
}

// Granted reads the scopes that a provider granted or that a token states. It checks no
// rules.
func Granted(scopes ...string) Set { return of(split(strings.Join(scopes, " "))) }

// String returns the scope parameter of RFC 6749 section 3.3.
func (s Set) String() string { return s.text }

// IsZero reports whether the set is empty.
func (s Set) IsZero() bool { return s.text == "" }

// Without returns the scopes of s that are not in other.
func (s Set) Without(other Set) Set {
	others := strings.Fields(other.text)
	return of(slices.DeleteFunc(strings.Fields(s.text), func(scope string) bool { return slices.Contains(others, scope) }))
}

func split(raw string) []string {
	return strings.FieldsFunc(raw, func(r rune) bool { return r == ' ' || r == ',' })
}

func of(fields []string) Set {
	sorted := slices.Sorted(slices.Values(fields))
	return Set{strings.Join(slices.Compact(sorted), " ")}
}

func check(scope string) error {
	switch scope {
	case "openid", "email", "profile", "organization", "offline_access":
		return fmt.Errorf("must not contain %s: openid, email, profile, organization and offline_access are for users,"+
			" not for service apps", scope)
	}
	if strings.ContainsFunc(scope, isOutside) {
		return errors.New(`must contain only printable ASCII characters other than " and \; separate scopes with spaces or commas`)
	}
	return nil
}

// isOutside reports whether r is not a character of a scope-token,
// %x21 / %x23-5B / %x5D-7E in RFC 6749 section 3.3.
func isOutside(r rune) bool {
	return r < 0x21 || r > 0x7E || r == '"' || r == '\\'
}

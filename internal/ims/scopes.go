package ims

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxScopes is the longest scope parameter, in characters.
const maxScopes = 1024

// ParseScopes reads scopes that spaces or commas separate and returns them as
// the scope parameter of RFC 6749 section 3.3: separated by single spaces, in
// order, without duplicates. It refuses what that section doesn't allow in a
// scope, the scopes that IMS grants to people only, an empty list, and more
// than 1024 characters.
func ParseScopes(raw string) (string, error) {
	var scopes []string
	for _, scope := range strings.FieldsFunc(raw, isScopeSeparator) {
		if err := checkScope(scope); err != nil {
			return "", err
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	joined := strings.Join(scopes, " ")
	switch {
	case joined == "":
		return "", errors.New("must name at least one scope, such as itwin-platform")
	case len(joined) > maxScopes:
		return "", fmt.Errorf("must not be longer than %d characters in all", maxScopes)
	}
	return joined, nil
}

func isScopeSeparator(r rune) bool {
	return r == ' ' || r == ','
}

func checkScope(scope string) error {
	switch scope {
	case "openid", "email", "profile", "organization", "offline_access":
		return fmt.Errorf("must not contain %s: openid, email, profile, organization and offline_access are for people,"+
			" not for service apps", scope)
	}
	if strings.ContainsFunc(scope, isOutsideScope) {
		return errors.New(`must be scopes of printable ASCII characters without " and \, separated by spaces or commas`)
	}
	return nil
}

// isOutsideScope reports whether r is no character of a scope-token,
// %x21 / %x23-5B / %x5D-7E in RFC 6749 section 3.3.
func isOutsideScope(r rune) bool {
	return r < 0x21 || r > 0x7E || r == '"' || r == '\\'
}

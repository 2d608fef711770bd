package input

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	maxClientID     = 256
	maxClientSecret = 4096
)

var (
	// registeredID matches the client ids that My Apps generates.
	registeredID = regexp.MustCompile(`^(service|spa|native|webapp)-[A-Za-z0-9]{20,40}$`)

	// generatedSecret matches the secrets that My Apps generates: base64, about 88 characters.
	generatedSecret = regexp.MustCompile(`^[A-Za-z0-9+/]{60,}={1,2}$`)
)

// ClientID returns a client id without surrounding spaces. It refuses an id that is too
// long, contains spaces or quotes, or looks like a secret, because ids are shown and logged.
func ClientID(value string) (string, error) {
	id := strings.Trim(value, " ")
	switch {
	case id == "":
		return "", errors.New("is only spaces: give the id of a service app registered in My Apps, client_id=service-…")
	case len(id) > maxClientID:
		return "", fmt.Errorf("is longer than %d characters: give the id alone, as My Apps shows it", maxClientID)
	case strings.Contains(id, " "):
		return "", fmt.Errorf("has a space (character %d): give the id alone, as My Apps shows it", strings.Index(id, " ")+1)
	case isQuoted(id):
		return "", errors.New("is in quotes: give the id without them")
	case generatedSecret.MatchString(id):
		return "", errors.New("looks like a client secret: give the id, client_id=service-…, and the secret as client_secret")
	}
	return id, nil
}

// ClientSecret refuses a secret that is too long or looks like a client id. A secret may
// contain any printable ASCII character, including spaces and quotes (RFC 6749 appendix
// A.2).
func ClientSecret(value string) error {
	switch {
	case len(value) > maxClientSecret:
		return fmt.Errorf("is longer than %d characters: give the secret alone, as My Apps showed it", maxClientSecret)
	case registeredID.MatchString(strings.TrimSpace(value)):
		return errors.New("looks like a client id: give the secret that My Apps showed when the app was registered")
	}
	return nil
}

// Document refuses a whole JSON document given instead of one value from it.
func Document(raw string) error {
	text := strings.TrimLeft(raw, " \t\r\n\uFEFF")
	if strings.HasPrefix(text, "{") && json.Valid([]byte(text)) {
		return errors.New("is a whole JSON document: give only the value, without the quotes around it")
	}
	return nil
}

// SecretWarning returns what is unusual about a secret but may be correct, as the rest of
// a sentence that starts with the field's name, or "".
func SecretWarning(value string) string {
	switch {
	case strings.Trim(value, " ") != value:
		return "begins or ends with a space, which is sent as part of it"
	case isQuoted(value):
		return "is in quotes, which are sent as part of it"
	}
	return ""
}

func isQuoted(value string) bool {
	if len(value) < 2 {
		return false
	}
	first, last := value[0], value[len(value)-1]
	return first == last && (first == '"' || first == '\'' || first == '`')
}

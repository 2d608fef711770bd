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

	// masked matches what programs show instead of a secret, and what pages have in
	// its place.
	masked = regexp.MustCompile(`(?i)^(\*+|\.{3}|x{4,}|<[^<>]+>|\[?redacted\]?|\(sensitive value\)|your[-_ ].*|change[-_ ]?me)$`)

	// named matches a line of a shell or a file that sets a variable.
	named = regexp.MustCompile(`(?i)^(export |set )?\w*secret\w*\s*[:=]\s*\S`)

	// file matches how the Vault CLI and others name a file; the API doesn't read it.
	file = regexp.MustCompile(`(?i)^(@\S|file:|/run/secrets/)`)

	// other begins what has a name of its own: keys, access tokens, headers.
	other = regexp.MustCompile(`^(-{5}BEGIN |eyJ[\w-]+\.eyJ|hv[sbr]\.|Basic |Bearer )`)
)

// ClientID returns a client id without surrounding spaces. It refuses an id that is too
// long, contains spaces or quotes, or looks like a secret, because ids are shown and logged.
func ClientID(value string) (string, error) {
	id := strings.Trim(value, " ")
	switch {
	case id == "":
		return "", errors.New("is only spaces: give the id of a service app registered in My Apps, client_id=service-…")
	case len(id) > maxClientID:
		return "", fmt.Errorf("is longer than %d characters: give only the id, as My Apps shows it", maxClientID)
	case strings.Contains(id, " "):
		return "", fmt.Errorf("has a space (character %d): give only the id, as My Apps shows it", strings.Index(id, " ")+1)
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
		return fmt.Errorf("is longer than %d characters: give only the secret, as My Apps showed it", maxClientSecret)
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

// SecretWarning returns what is unusual about a secret but may be correct, with what to
// do about it, as the rest of a sentence that starts with the field's name, or "".
func SecretWarning(value string) string {
	const (
		without = ", sent as part of the secret: unless it belongs there, write the secret again without it"
		itself  = "if it isn't the secret, write the secret itself"
	)
	leftover := Leftover(value)
	switch {
	case strings.Trim(value, " ") != value:
		return "begins or ends with a space" + without
	case isQuoted(value):
		return "is in quotes, sent as part of the secret: unless they belong there, write the secret again without them"
	case named.MatchString(value):
		return "begins with a name" + without
	case masked.MatchString(value):
		return "looks like a masked value: " + itself
	case file.MatchString(value):
		return "looks like the name of a file, which only the Vault CLI reads, as client_secret=@FILE: " + itself
	case other.MatchString(value):
		return "looks like a key, a token or a header: " + itself
	case leftover != "":
		return leftover + "; " + itself
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

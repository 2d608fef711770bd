package itwin

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
)

// The rules of single fields: what is allowed, and the text for what isn't.

const (
	maxClientID     = 256
	maxClientSecret = 4096
	maxCACert       = 256 << 10
)

func asString(v any) string {
	s, _ := v.(string)
	return s
}

// parsed sets a field to what parse makes of its value.
func parsed(name string, v any, parse func(string) (string, error), field *string) error {
	value, err := parse(asString(v))
	if err != nil {
		return errField(name, err.Error())
	}
	*field = value
	return nil
}

func parseClientID(value string) (string, error) {
	id := strings.TrimSpace(value)
	switch {
	case id == "":
		return "", errors.New("is empty: give the id of a service app registered in My Apps, client_id=service-…")
	case len(id) > maxClientID:
		return "", errors.New("is longer than 256 bytes: give the id alone, as My Apps shows it")
	case strings.ContainsFunc(id, unprintable):
		return "", errors.New("has spaces or control characters within: give the id alone, as My Apps shows it")
	}
	return id, nil
}

func unprintable(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }

// setClientSecret keeps every character: a secret may have any. A line break at
// its end is a file's, as in client_secret=@secret.txt.
func setClientSecret(c *config, v any) error {
	value := strings.TrimRight(asString(v), "\r\n")
	switch {
	case value == "":
		return errField(keyClientSecret, "is empty: give the secret that My Apps showed, client_secret=… or client_secret=@file")
	case len(value) > maxClientSecret:
		return errField(keyClientSecret, "is longer than 4096 bytes: give the secret alone, as My Apps showed it")
	}
	c.ClientSecret = secret.New(value)
	return nil
}

// emptyOr lets an empty value stand for the default.
func emptyOr(parse func(string) (string, error)) func(string) (string, error) {
	return func(value string) (string, error) {
		if strings.TrimSpace(value) == "" {
			return "", nil
		}
		return parse(value)
	}
}

func oneOf(allowed ...string) func(string) (string, error) {
	return func(value string) (string, error) {
		if slices.Contains(allowed, value) {
			return value, nil
		}
		return "", errors.New("must be " + strings.Join(allowed, " or "))
	}
}

func parseCACert(value string) (string, error) {
	value = strings.TrimSpace(value)
	if len(value) > maxCACert {
		return "", errors.New("is longer than 256 KiB: give only the certificates of the CA that signed IMS's, ca_cert=@ca.pem")
	}
	if _, err := outbound.ParseCACert(value); err != nil {
		return "", errors.New("must be PEM certificates, as in ca_cert=@ca.pem")
	}
	return value, nil
}

func setDuration(name string, v any, least, most time.Duration, field *time.Duration) error {
	seconds, _ := v.(int)
	d := time.Duration(seconds) * time.Second
	if d < least || d > most || seconds > int(most/time.Second) {
		return errField(name, "must be from "+short(least)+" to "+short(most))
	}
	*field = d
	return nil
}

package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// maxEndpoint is the longest address, in characters.
const maxEndpoint = 2048

// ParseEndpoint returns an endpoint's address in the one form that is used: lower-case
// scheme and host, no trailing slash. It must be https, or http to a loopback host,
// with no user info, query or fragment. What was written may be stored as it is, and
// parsed each time it is used, so that it reads back the same. An error completes a
// sentence that begins with the name of a field, says what is allowed and never repeats
// raw, which may hold a password.
func ParseEndpoint(raw string) (string, error) {
	switch {
	case len(raw) > maxEndpoint:
		return "", fmt.Errorf("must be at most %d characters long", maxEndpoint)
	case strings.ContainsFunc(raw, func(r rune) bool { return isHidden(r) || unicode.IsSpace(r) }):
		return "", errors.New("must not contain spaces or control characters")
	case strings.ContainsAny(raw, "\"'`<>"):
		return "", errors.New("must be the URL alone, without quotes or brackets around it")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("must be a URL such as https://ims.bentley.com")
	}
	u.Host = strings.ToLower(u.Host)
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "", errors.New("must be an https URL with a host, such as https://ims.bentley.com")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", errors.New("must be https; http is allowed only to localhost, 127.0.0.0/8 or ::1")
	case u.User != nil:
		return "", errors.New("must not contain a user name or password")
	case strings.ContainsAny(raw, "?#"):
		return "", errors.New("must not contain a query or fragment")
	case !isPort(u):
		return "", errors.New("must have a port from 1 to 65535, or none")
	case strings.Contains(u.Hostname(), "%"):
		return "", errors.New("must not contain a zone in its address")
	case !isHost(u.Hostname()):
		return "", errors.New("must have a host name of letters, digits, dots and dashes; write an international name in its xn-- form")
	case strings.Contains(u.Path, ":/"):
		return "", errors.New("must be one URL, such as https://ims.bentley.com")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// isHost reports whether name can be an address or a host name (RFC 1123 section 2.1),
// with underscores as well. Other names would fail to resolve, as if the name servers
// were at fault, or look like a host that they aren't.
func isHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || label[0] == '-' || strings.ContainsFunc(label, isOutsideLabel) {
			return false
		}
	}
	return true
}

func isOutsideLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

func isPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

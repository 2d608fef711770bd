package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// AllowedHosts are the hosts that requests may go to. The zero AllowedHosts allows
// every host.
type AllowedHosts struct{ patterns []string }

// HostError says that a host isn't allowed.
type HostError struct {
	Host    string
	Allowed AllowedHosts
}

// Error names the host and what to do.
func (e *HostError) Error() string {
	return fmt.Sprintf("the host %s isn't allowed (allowed: %s): to allow it, add it to -env=ITWIN_ALLOWED_HOSTS=…"+
		" when registering the plugin", e.Host, e.Allowed)
}

// ParseAllowedHosts reads host names separated by commas. "*." in front of a name
// stands for any subdomain, but not for the name itself; ports are ignored; an empty
// list allows every host.
func ParseAllowedHosts(list string) (AllowedHosts, error) {
	var allowed AllowedHosts
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		pattern := hostKey(withoutPort(entry))
		if !isHostPattern(pattern) {
			return AllowedHosts{}, errors.New("must be host names separated by commas, such as *.bentley.com,localhost")
		}
		allowed.patterns = append(allowed.patterns, pattern)
	}
	if len(allowed.patterns) == 0 && strings.TrimSpace(list) != "" {
		return AllowedHosts{}, errors.New("must name at least one host, or be empty to allow every host")
	}
	return allowed, nil
}

// String returns the list.
func (a AllowedHosts) String() string { return strings.Join(a.patterns, ", ") }

// Check returns a *HostError if the host of an endpoint isn't allowed.
func (a AllowedHosts) Check(endpoint string) error {
	if len(a.patterns) == 0 {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return errors.New("must be a URL such as https://ims.bentley.com")
	}
	host := hostKey(u.Hostname())
	for _, pattern := range a.patterns {
		suffix, isWildcard := strings.CutPrefix(pattern, "*")
		if host == pattern || isWildcard && strings.HasSuffix(host, suffix) && len(host) > len(suffix) {
			return nil
		}
	}
	return &HostError{Host: NewCleaner().Text(host), Allowed: a}
}

// hostKey is the same for all spellings of one host name.
func hostKey(host string) string {
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// withoutPort also drops the brackets of an IPv6 address.
func withoutPort(entry string) string {
	host, port, err := net.SplitHostPort(entry)
	if _, notNumber := strconv.Atoi(port); err == nil && notNumber == nil {
		return host
	}
	return strings.Trim(entry, "[]")
}

func isHostPattern(pattern string) bool {
	name := strings.TrimPrefix(pattern, "*.")
	if net.ParseIP(name) != nil {
		return name == pattern
	}
	return isHost(name)
}

package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/http/httpproxy"
)

// variableError is a proxy variable that can't be parsed. Its text names the variable
// and never its value, which may hold a password.
type variableError struct{ name, rule string }

func (v variableError) Error() string {
	return "the environment variable " + v.name + " " + v.rule
}

// environmentProxy returns the way to a host by HTTPS_PROXY, HTTP_PROXY, NO_PROXY and
// their lower-case forms, which come first, as Go reads them. Go itself drops a proxy
// that can't be parsed and dials past it, takes some mistyped proxies for hosts named
// http, and ignores entries of NO_PROXY that it doesn't understand: here, all of these
// are errors of the requests that they apply to.
func environmentProxy(env func(string) string) func(*url.URL) (*url.URL, error) {
	var config httpproxy.Config
	proxies := make(map[string]error)
	config.HTTPSProxy, proxies["https"] = readProxy(env, "HTTPS_PROXY")
	config.HTTPProxy, proxies["http"] = readProxy(env, "HTTP_PROXY")
	var exceptions error
	config.NoProxy, exceptions = readNoProxy(env, "NO_PROXY")
	way := config.ProxyFunc()
	return func(target *url.URL) (*url.URL, error) {
		proxy, err := way(target)
		if proxy == nil || err != nil {
			return nil, err
		}
		if err := errors.Join(proxies[target.Scheme], exceptions); err != nil {
			return nil, err
		}
		return proxy, nil
	}
}

// readProxy returns the proxy that a variable names. In place of one that can't be
// parsed it returns a stand-in, so that NO_PROXY still decides which hosts it matters to.
func readProxy(env func(string) string, variable string) (string, error) {
	name, value := firstSet(env, variable)
	if value == "" {
		return "", nil
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	proxy, err := url.Parse(value)
	if err == nil && isProxy(proxy) {
		return value, nil
	}
	return "http://unreadable.invalid", variableError{
		name, "isn't the URL of a proxy, such as http://proxy.example:3128:" +
			" write special characters in its user name or password as %XX (%25 for %, %40 for @)",
	}
}

func isProxy(u *url.URL) bool {
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u.Hostname() != "" && isPort(u) && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
	}
	return false
}

// readNoProxy returns the list with its spaces as commas: curl takes either, and Go
// would take "a.example b.example" for one host.
func readNoProxy(env func(string) string, variable string) (string, error) {
	name, value := firstSet(env, variable)
	entries := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	var err error
	for i, entry := range entries {
		if strings.HasSuffix(entry, "]") {
			entries[i] = strings.Trim(entry, "[]") // Go takes brackets only with a port
		}
		if !isException(entry) {
			err = variableError{name, "has an entry that isn't a host, *.domain, IP address or CIDR range: separate them by commas"}
		}
	}
	return strings.Join(entries, ","), err
}

// isException is false for an entry that Go would ignore.
func isException(entry string) bool {
	_, _, err := net.ParseCIDR(entry)
	return err == nil || entry == "*" || isHostPattern(strings.TrimPrefix(withoutPort(entry), "."))
}

// firstSet returns the variable that counts: the lower-case form comes first.
func firstSet(env func(string) string, upper string) (name, value string) {
	for _, name := range []string{strings.ToLower(upper), upper} {
		if value := env(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// connectError is a proxy's answer to CONNECT.
type connectError struct {
	status int
	// notBasic is set if the proxy names ways to log in, and Basic, the only one that
	// net/http knows, isn't among them.
	notBasic bool
}

func newConnectError(response *http.Response) connectError {
	offered := response.Header.Values("Proxy-Authenticate")
	isBasic := func(challenge string) bool { return strings.Contains(strings.ToLower(challenge), "basic") }
	return connectError{response.StatusCode, len(offered) > 0 && !slices.ContainsFunc(offered, isBasic)}
}

func (p connectError) Error() string {
	reason := "the proxy refused the connection"
	switch p.status {
	case http.StatusProxyAuthRequired, http.StatusUnauthorized:
		reason = "the proxy requires a user name and password, or rejected those in its URL"
		if p.notBasic {
			reason = "the proxy doesn't offer Basic authentication, only others such as NTLM or Kerberos, which aren't supported"
		}
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		reason = "the proxy isn't allowed to connect to this host"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusNotFound:
		reason = "the proxy can't reach the host"
	}
	return fmt.Sprintf("%s (status %d)", reason, p.status)
}

// proxyFailure explains an error between here and a proxy.
func proxyFailure(err error, asked bool) Error {
	var lookup *net.DNSError
	detail := "the proxy doesn't speak HTTP"
	switch {
	case errors.As(err, &lookup):
		detail = lookupDetail("the proxy's host name", lookup)
	case isOperation(err, "dial"):
		detail = dialDetail("the proxy", err)
	case isOperation(err, "socks"):
		detail = socksDetail(err)
	case isOperation(err, "proxyconnect"):
		failure := tlsFailure("the proxy", err, asked)
		failure.Stage = StageProxy
		return failure
	case isBroken(err):
		detail = "the proxy closed the connection instead of answering"
	}
	return Error{Stage: StageProxy, Detail: detail}
}

// socksDetail goes by Go's own words, which have no types: of the proxy's bytes they
// repeat numbers alone.
func socksDetail(err error) string {
	if isBroken(err) {
		return "the SOCKS proxy closed the connection instead of answering"
	}
	text := err.Error()
	for _, known := range []struct{ words, detail string }{
		{"username/password", "the SOCKS proxy rejected the user name and password in its URL"},
		{"authentication method", "the SOCKS proxy requires a user name and password"},
		{"not allowed by ruleset", "the SOCKS proxy isn't allowed to connect to this host"},
		{"unreachable", "the SOCKS proxy can't reach the host"},
		{"connection refused", "the SOCKS proxy can't reach the host: the connection was refused"},
		{"TTL expired", "the SOCKS proxy can't reach the host"},
		{"general SOCKS server failure", "the SOCKS proxy failed, or can't resolve the host name"},
		{"protocol version", "the proxy doesn't speak SOCKS5"},
	} {
		if strings.Contains(text, known.words) {
			return known.detail
		}
	}
	return "the SOCKS proxy refused the connection"
}

package outbound

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzRetryAfter: no header makes anyone wait for less than nothing, or for more
// than five minutes.
func FuzzRetryAfter(f *testing.F) {
	const date = "Mon, 23 Nov 2026 10:00:00 GMT"
	for _, value := range []string{"", "0", "120", "-1", "1.5", "1e9", " 7", "99999999999999999999", date, "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(value, date)
		f.Add(value, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
		wait := RetryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		require.GreaterOrEqual(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, 5*time.Minute)
	})
}

// FuzzParseEndpoint: what is accepted leads to the host that it shows, by TLS
// unless it is this one, and stays as it is when it is read again.
func FuzzParseEndpoint(f *testing.F) {
	for _, raw := range []string{
		"https://ims.bentley.com", "HTTPS://IMS.bentley.com:8443/a//", "http://127.0.0.1:80/", "http://[::1]", "http://localhost.evil",
		"https://a@b", "https://a\\@b", "https://a?b", "https://a#", "https://a:0", "https://a:", "https://[::1%25lo]/", "https://a/%2F..",
		"https:a", "//a", "http://127.1", "https://ims.bentley.com/\u202e", "https://a/\x00",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		accepted, err := ParseEndpoint(raw)
		if err != nil {
			require.Empty(t, accepted)
			return
		}
		again, err := ParseEndpoint(accepted)
		require.NoError(t, err)
		require.Equal(t, accepted, again)
		u, err := url.Parse(accepted)
		require.NoError(t, err)
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		require.NotContains(t, accepted, "?")
		require.NotContains(t, accepted, "#")
		require.False(t, strings.ContainsFunc(accepted, unicode.IsSpace))
		if u.Scheme != "https" {
			address, err := netip.ParseAddr(u.Hostname())
			require.True(t, u.Hostname() == "localhost" || err == nil && address.IsLoopback(), accepted)
		}
	})
}

// FuzzProxy: a proxy variable names a proxy that can be dialed, or is an error.
func FuzzProxy(f *testing.F) {
	for _, value := range []string{"", "proxy:3128", "http://u:p%ss@proxy", "http//proxy:3128", "socks5h://[::1]", "https://u:p%40@proxy/"} {
		f.Add(value, "")
		f.Add("proxy:3128", value)
	}
	f.Fuzz(func(t *testing.T, value, exceptions string) {
		environment := map[string]string{"https_proxy": value, "NO_PROXY": exceptions}
		way := environmentProxy(func(name string) string { return environment[name] })
		proxy, err := way(&url.URL{Scheme: "https", Host: "ims.bentley.com"})
		if err != nil {
			require.ErrorAs(t, err, new(variableError))
			require.Nil(t, proxy)
			return
		}
		if proxy == nil {
			require.True(t, value == "" || exceptions != "", "nothing leaves past the proxy")
			return
		}
		require.Contains(t, []string{"http", "https", "socks5", "socks5h"}, proxy.Scheme)
		require.NotEqual(t, "unreadable.invalid", proxy.Host)
	})
}

// FuzzCleaner: a cleaned text is one short line without eight characters of the secret
// in a row.
func FuzzCleaner(f *testing.F) {
	f.Add("canary-secret", "what you sent was canary-\x00secret")
	f.Add("abababab", strings.Repeat("ab", 300))
	f.Add("a%41a%41a%41", "a%2541a%2541a%2541")
	f.Add("\x1b[31msec\u202eret", "\xff\x1b[31m\r\nsecret[31msecret")
	f.Fuzz(func(t *testing.T, secret, upstream string) {
		cleaner := NewCleaner(secret)
		shown := cleaner.Text(upstream)
		require.LessOrEqual(t, utf8.RuneCountInString(shown), maxText)
		require.True(t, utf8.ValidString(shown))
		require.False(t, strings.ContainsFunc(shown, isHidden), "%q", shown)
		folded, text := fold(secret), fold(shown)
		for at := range max(0, len(folded)-window+1) {
			require.NotContains(t, text, folded[at:at+window])
		}
		if len(folded) >= window {
			require.Empty(t, cleaner.Text("sent: "+secret+upstream))
		}
	})
}

package outbound

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyAllowedHostsPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		list, endpoint string
		allowed        bool
	}{
		{"", "https://anything.example", true},
		{"*.bentley.com", "https://ims.bentley.com", true},
		{"*.bentley.com", "https://a.b.bentley.com:8443/connect/token", true},
		{"*.bentley.com", "https://bentley.com", false},
		{"*.bentley.com", "https://evilbentley.com", false},
		{"*.bentley.com", "https://ims.bentley.com.evil.example", false},
		{" *.Bentley.com. , localhost:8080", "http://LOCALHOST:9", true},
		{"ims.bentley.com", "https://ims.bentley.com.", true},
		{"ims.bentley.com", "https://api.bentley.com", false},
		{"[::1]:443,127.0.0.1", "http://[::1]:9978", true},
		{"::1", "http://[::1]", true},
		{"127.0.0.1", "http://127.0.0.2", false},
		{"*.bentley.com", "https://ims.bentley.com@evil.example", false},
	} {
		hosts, err := ParseAllowedHosts(c.list)
		require.NoError(t, err, c.list)
		require.Equal(t, c.allowed, hosts.Check(c.endpoint) == nil, "%s: %s", c.list, c.endpoint)
	}
}

func TestAHostThatIsNotAllowedIsNamedWithWhatToDo(t *testing.T) {
	t.Parallel()
	hosts, err := ParseAllowedHosts("*.bentley.com,localhost")
	require.NoError(t, err)
	require.EqualError(t, hosts.Check("https://evil.example/canary"), "the host evil.example isn't allowed"+
		" (allowed: *.bentley.com, localhost): to allow it, add it to -env=ITWIN_ALLOWED_HOSTS=… when registering the plugin")
}

func TestAListOfHostsHasNothingElse(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		"https://bentley.com", "*", "*.", "a b", "bentley.*", "*bentley.com", ".bentley.com", "a/b", ",", "*.10.0.0.1",
	} {
		_, err := ParseAllowedHosts(list)
		require.Error(t, err, list)
	}
}

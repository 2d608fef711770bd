package outbound

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseEndpointReturnsOneForm(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"https://ims.bentley.com":               "https://ims.bentley.com",
		"https://ims.bentley.com/":              "https://ims.bentley.com",
		"HTTPS://IMS.Bentley.com/Connect/token": "https://ims.bentley.com/Connect/token",
		"https://ims.bentley.com:8443/a//":      "https://ims.bentley.com:8443/a",
		"http://localhost:8080":                 "http://localhost:8080",
		"http://127.9.9.9":                      "http://127.9.9.9",
		"http://[::1]:80/":                      "http://[::1]:80",
	}
	for raw, want := range cases {
		endpoint, err := ParseEndpoint(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, endpoint)
	}
}

func TestParseEndpointRefusesAndNeverEchoes(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "canary", "//canary", "ftp://canary", "https://", "https:canary", "https:///canary",
		"http://canary.com", "http://localhost.canary.com", "http://128.0.0.1", "http://10.0.0.1",
		"https://user:canary@ims.bentley.com", "https://canary@ims.bentley.com", "https://@ims.bentley.com",
		"https://ims.bentley.com?canary", "https://ims.bentley.com?", "https://ims.bentley.com#canary", "https://ims.bentley.com/#",
		"https://ims.bentley.com:canary", "https://ims.bentley.com:0", "https://ims.bentley.com:65536", "https://ims.bentley.com:",
		"https://ims.bentley.com/\ncanary", "https://ims.bentley.com/ canary", "https://ims.bentley.com/\u202ecanary", " https://canary",
		"https://canary／.bentley.com", "https://canary。bentley.com", "https://canary;.bentley.com", "https://*.canary", "https://kanárek.example",
		"https://user:canary%zz@ims.bentley.com", "https://ims.bentley.com/" + strings.Repeat("canary", maxEndpoint/6),
	} {
		_, err := ParseEndpoint(raw)
		require.Error(t, err, "%q", raw)
		require.NotContains(t, err.Error(), "canary")
	}
}

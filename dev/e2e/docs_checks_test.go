package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// The situations in which a token is checked, or used.

// check returns what the check of an app says, and what to do.
func check(t *testing.T, d *desk, path string, query map[string][]string) string {
	t.Helper()
	secret, err := d.root.Logical().ReadWithData(path, query)
	require.NoError(t, err)
	require.Equal(t, false, secret.Data["ok"])
	return secret.Data["error"].(string) + "\n" + secret.Data["hint"].(string)
}

func checkingAnITwinOfOthers(t *testing.T, d *desk) string {
	t.Helper()
	return check(t, d, "itwin/check", map[string][]string{"itwin_id": {"6f0a8a3e-2b1c-4c1d-9a51-1d3c5f0e7b11"}})
}

func checkingAnotherPlatform(t *testing.T, d *desk) string {
	t.Helper()
	d.mustWrite("itwin/config/mixed", app(d.ims, fields{"api_url": d.qa.URL()}))
	d.mustWrite("itwin/role/mixed", fields{"app": "mixed"})
	return check(t, d, "itwin/check/mixed", nil)
}

func withoutBearer(t *testing.T, d *desk) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.ims.URL()+"/users/me", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", d.mustRead("itwin/token").Data["access_token"].(string))
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// introspect returns why a token isn't active.
func introspect(d *desk, token string) string {
	return d.mustWrite("itwin/introspect", fields{"token": token}).Data["reason"].(string)
}

func introspectingAnotherIssuers(t *testing.T, d *desk) string {
	t.Helper()
	token, err := d.ims.Sign(map[string]any{"iss": "https://qa-ims.bentley.com", "exp": time.Now().Add(time.Hour).Unix()})
	require.NoError(t, err)
	return introspect(d, token)
}

// introspectingAnotherKeys introspects a token of QA that says to be of IMS.
func introspectingAnotherKeys(t *testing.T, d *desk) string {
	t.Helper()
	token, err := d.qa.Sign(map[string]any{"iss": d.ims.URL(), "exp": time.Now().Add(time.Hour).Unix()})
	require.NoError(t, err)
	return introspect(d, token)
}

func introspectingWithoutKeys(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, fields{"authority": "http://127.0.0.1:1", "verify": false}))
	token, err := d.ims.Sign(map[string]any{"iss": "http://127.0.0.1:1"})
	require.NoError(t, err)
	return refusedWrite(path+"/introspect", fields{"token": token})(t, d)
}

// introspectingES256 introspects a JWT that isn't signed as IMS signs.
func introspectingES256(_ *testing.T, d *desk) string {
	const header = "eyJhbGciOiJFUzI1NiJ9" // {"alg":"ES256"}
	return introspect(d, header+".eyJhIjoiYiJ9."+strings.Repeat("A", 86))
}

// checkingAgainst makes the Platform refuse for a reason.
func checkingAgainst(status int, code, message string) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		d.ims.Fault(emulator.Fault{At: emulator.Platform, Status: status, Error: code, Description: message})
		defer d.ims.Heal()
		return check(t, d, "itwin/check", nil)
	}
}

func checkingNowhere(t *testing.T, d *desk) string {
	t.Helper()
	d.mustWrite("itwin/config/nowhere", app(d.ims, fields{"api_url": "https://127.0.0.1:1"}))
	d.mustWrite("itwin/role/nowhere", fields{"app": "nowhere"})
	return check(t, d, "itwin/check/nowhere", nil)
}

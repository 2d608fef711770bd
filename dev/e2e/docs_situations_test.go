package e2e

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// situations are what docs/troubleshooting.md explains, by its headings.
func situations() map[string][]situation {
	every := make(map[string][]situation)
	for _, part := range []map[string][]situation{writes(), refusals(), journeys(), readings(), platforms()} {
		maps.Copy(every, part)
	}
	return every
}

// writes are mistakes at setting up and writing.
func writes() map[string][]situation {
	return map[string][]situation{
		"Registering the plugin": {
			running(`vault plugin register -sha256="$(printf "0%.0s" {1..64})" -version=v98.0.0 secret vault-plugin-secrets-itwin
				vault secrets enable -path=bad -plugin-version=v98.0.0 vault-plugin-secrets-itwin`),
			running(register + ` -version=v97.0.0 secret vault-plugin-secrets-itwin`),
			running(register + ` -version=vX.Y.Z -command=nothing secret vault-plugin-secrets-itwin`),
		},
		"Permission denied, or no value found": {asNobody},
		"A command isn't supported":            {refusedRead("itwin/rotate", nil), refusedWrite("itwin/status", nil)},
		"Not configured": {
			withoutConfig, ofAnAppThatIsGone, refusedPatch("itwin/config/new", fields{"renew_before": "20m"}), roleOfAnUnknownApp,
		},
		"Unknown role":                     {refusedRead("itwin/token/viewr", nil), refusedPatch("itwin/role/viewr", fields{"scopes": "x"})},
		"A role may not use an app":        {withoutTheRole},
		"A host isn't allowed":             {registered("ITWIN_ALLOWED_HOSTS=*.example.com"), registered("ITWIN_ALLOWED_HOSTS=https://x/y")},
		"A field is refused":               append(wrongTypes(), refusedWrite("itwin/config", fields{"secret": "x"})),
		"A character is refused":           oddCharacters(),
		"A value belongs in another field": mixedUpValues(),
		"A URL is refused":                 wrongURLs(),
		"ca_cert is refused":               wrongPEM(),
		"A name is refused":                wrongNames(),
		"The secret is wanted again": {
			refusedWrite("itwin/config", fields{"authority": "https://qa-ims.bentley.com"}),
			refusedWrite("itwin/config", fields{"api_url": "https://qa-api.bentley.com"}),
		},
		"Nothing was stored": {
			refusedWrite("itwin/config", fields{"client_secret": "wrong"}), writing("https://127.0.0.1:1", nil),
			refusedWrite("itwin/config", fields{"client_secret": "x", "token_url": "https://127.0.0.1:1"}), overtaken,
			refusedWrite("itwin/config", fields{"client_secret": " wrong"}),
		},
		"A write is stored with a warning": append(
			oddSecrets(),
			warned(fields{"verify": false}), warned(fields{"client_secret": " " + clientSecret, "verify": false}),
			warned(fields{"authority": "https://qa-ims.bentley.com", "api_url": "https://api.bentley.com", "verify": false}),
			warned(fields{"authority": "https://imsoidc.bentley.com", "verify": false}),
			warned(fields{"renew_before": "45m"}), withoutAScope,
		),
	}
}

// refusals are those in which IMS says no.
func refusals() map[string][]situation {
	wrongSecret := emulator.Fault{Error: "invalid_client", Description: "Invalid client or client credentials."}
	return map[string][]situation{
		"invalid_client": {failing(wrongSecret, nil)},
		"invalid_scope": {
			failing(emulator.Fault{Error: "invalid_scope", Description: "Not assigned."}, nil),
			refusedWrite("itwin/role/people", fields{"scopes": "openid profile"}),
		},
		"unauthorized_client": {
			failing(emulator.Fault{Error: "unauthorized_client"}, nil),
			failing(emulator.Fault{Error: "unauthorized_client"}, fields{"client_id": "spa-e2e"}),
			configuredForABrowser,
		},
		"Another error of IMS": {failing(emulator.Fault{Error: "invalid_request"}, nil)},
		"Rate limits": {
			failing(emulator.Fault{RetryAfter: time.Minute}, nil), failing(emulator.Fault{Error: "slow_down"}, nil),
			checkedDuringAPause, checkedTooOften, rotatedTooOften, overQuota,
		},
	}
}

// journeys are those in which a request gets lost, or something else answers.
func journeys() map[string][]situation {
	return map[string][]situation{
		"IMS can't be reached": {
			writing("https://"+nameless, nil), worded("internal/outbound/failure.go", "the name server doesn't answer for "),
			writing("https://127.0.0.1:1", nil), writing("https://255.255.255.255", nil),
		},
		"A proxy fails":               proxyFailures(),
		"A certificate isn't trusted": distrusts(),
		"TLS fails":                   brokenHandshakes(),
		"The answer is lost":          lostAnswers(),
		"Too slow": {
			failing(emulator.Fault{Delay: 5 * time.Second}, fields{"request_timeout": "1s"}), crowded, arrivingLate,
			worded("errors.go", "could not mint and store a token in time"),
			worded("errors.go", "the request was canceled or timed out before it finished; try again"),
			worded("internal/ims/errors.go", "the request to IMS was canceled by its caller"),
			worded("errors.go", "the mount is being unmounted, reloaded or sealed; try again"),
		},
		"IMS is unavailable": {
			failing(emulator.Fault{Status: http.StatusServiceUnavailable}, nil), failing(emulator.Fault{Error: "temporarily_unavailable"}, nil),
		},
		"Something other than IMS answered": {
			failing(emulator.Fault{Status: http.StatusForbidden}, nil), failing(emulator.Fault{Status: http.StatusFound}, nil),
		},
		"IMS did not return a token": {
			failing(emulator.Fault{Status: http.StatusOK, Body: "{}"}, nil), failing(emulator.Fault{Status: http.StatusOK, Body: "<html>"}, nil),
			failing(emulator.Fault{Status: http.StatusOK, Body: " "}, nil),
			granting("expires_in", `"soon"`), granting("expires_in", "1"), granting("token_type", `"mac"`),
			granting("access_token", `"a b"`), granting("access_token", `"`+strings.Repeat("x", 100<<10)+`"`), withoutLifetime,
			granting("access_token", `"a.`+base64.RawURLEncoding.EncodeToString([]byte(clientSecret))+`.b"`),
		},
	}
}

// readings are those of people who want a token.
func readings() map[string][]situation {
	return map[string][]situation{
		"A warning about the previous token": {
			withThePreviousToken(emulator.Fault{Status: http.StatusServiceUnavailable}),
			withThePreviousToken(emulator.Fault{Delay: 8 * time.Second}),
			worded("path_token.go", "this node can't write, and has been waiting for a new token from the active node"),
		},
		"A rotation is followed by a warning": {
			rotatedInVain,
			worded("path_rotate.go", "Could not store the new token: other nodes, and this node after a restart, will hand out the"),
		},
		"Failing since, next attempt at": {
			failing(emulator.Fault{Status: http.StatusBadGateway}, nil),
			worded("errors.go", "the app's credentials are being replaced; try again"),
		},
		"min_ttl is too large": {refusedRead("itwin/token", map[string][]string{"min_ttl": {"55m"}})},
		"A stored config or role can't be used": {
			withStored("{"), withStored(`{"format": 1000}`), withStoredAt("role/viewer", "token/viewer", "{"),
		},
	}
}

// platforms are those in which there is a token, and something is wrong with it or with what it opens.
func platforms() map[string][]situation {
	return map[string][]situation{
		"The token works, but I see nothing": {checkingAnITwinOfOthers},
		"The Platform refuses the token": {
			checkingAnotherPlatform, checkingAgainst(http.StatusUnauthorized, "UnknownClient", "Client was not registered."),
			checkingAgainst(http.StatusForbidden, "InsufficientScope", "The scope is missing."),
			checkingAgainst(http.StatusForbidden, "ConsentRequired", "Consent is missing."),
			checkingAgainst(http.StatusForbidden, "Forbidden", "No."), checkingAgainst(http.StatusTooManyRequests, "RateLimitExceeded", "Wait."),
			checkingAgainst(http.StatusInternalServerError, "InternalServerError", "Sorry."), checkingNowhere, withoutBearer,
		},
		"introspect refuses a token": append(wrongTokens(),
			introspectingAnotherIssuers, introspectingAnotherKeys, introspectingES256, introspectingWithoutKeys),
	}
}

const register = `vault plugin register -sha256="$(sha256sum /etc/vault/plugins/vault-plugin-secrets-itwin | cut -d' ' -f1)"`

// running returns what a command that fails prints.
func running(commands string) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		output, err := d.bash(commands)
		require.Error(t, err, output)
		return output
	}
}

// told is the text of an answer that is an error.
func told(t *testing.T, err error) string {
	t.Helper()
	var answer *api.ResponseError
	require.ErrorAs(t, err, &answer)
	return strings.Join(answer.Errors, "\n")
}

func refusedRead(path string, query map[string][]string) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		_, err := d.root.Logical().ReadWithData(path, query)
		return told(t, err)
	}
}

func refusedWrite(path string, data fields) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		_, err := d.root.Logical().Write(path, data)
		return told(t, err)
	}
}

// warned returns the warnings of a new app's config.
func warned(more fields) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		return strings.Join(d.mustWrite(mountAnother(t, d.in(t))+"/config", app(d.ims, more)).Warnings, "\n")
	}
}

// failing reads a token of a new app while IMS fails.
func failing(fault emulator.Fault, more fields) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		path := mountAnother(t, d.in(t))
		config := app(d.ims, fields{"verify": false})
		maps.Copy(config, more)
		d.mustWrite(path+"/config", config)
		d.ims.Fault(fault)
		defer d.ims.Heal()
		return refusedRead(path+"/token", nil)(t, d)
	}
}

// granting reads a token whose answer has another value in one field.
func granting(field, value string) situation {
	return failing(emulator.Fault{Fields: map[string]json.RawMessage{field: json.RawMessage(value)}}, nil)
}

// worded is a text that no test can bring about on one machine: it has to be in the source at least.
func worded(file, text string) situation {
	return func(t *testing.T, _ *desk) string {
		t.Helper()
		source, err := os.ReadFile(filepath.Join(repositoryPath, file))
		require.NoError(t, err)
		require.Contains(t, string(source), text)
		return text
	}
}

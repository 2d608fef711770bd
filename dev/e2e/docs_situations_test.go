package e2e

import (
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
)

// situations are what docs/troubleshooting.md explains, by its headings.
func situations() map[string][]situation {
	all := ownSituations()
	maps.Copy(all, refusals())
	maps.Copy(all, map[string][]situation{
		"IMS can't be reached":               unreachables(),
		"IMS answers with an error":          errorAnswers(),
		"The answer of IMS is no token":      {failing(emulator.Fault{Status: http.StatusOK, Body: "<html>"}, nil)},
		"A warning about the previous token": {withAnOldToken},
		"Failing since, next attempt at":     {failing(emulator.Fault{Status: http.StatusBadGateway}, nil)},
		"min_ttl is too large":               {refusedRead("itwin/token", map[string][]string{"min_ttl": {"55m"}})},
		"The token works, but I see nothing": {checkingAnITwinOfOthers},
		"The Platform answers 401": {
			checkingAnotherPlatform, withoutBearer,
			introspectingAnotherIssuers, introspectingAnotherKeys, introspectingNone, introspectingWithoutKeys,
		},
		"A stored config or role can't be used": {
			withStored("{"), withStored(`{"format": 1000}`), withStoredAt("role/viewer", "token/viewer", "{"),
		},
	})
	return all
}

// ownSituations are mistakes at setting up and writing.
func ownSituations() map[string][]situation {
	return map[string][]situation{
		"Registering the plugin": {
			running(`vault plugin register -sha256="$(printf "0%.0s" {1..64})" -version=v98.0.0 secret vault-plugin-secrets-itwin
				vault secrets enable -path=bad -plugin-version=v98.0.0 vault-plugin-secrets-itwin`),
			running(register + ` -version=v97.0.0 secret vault-plugin-secrets-itwin`),
			running(register + ` -version=vX.Y.Z -command=nothing secret vault-plugin-secrets-itwin`),
		},
		"Permission denied, or no value found": {asNobody},
		"Not configured":                       {withoutConfig, ofAnAppThatIsGone},
		"Unknown role":                         {refusedRead("itwin/token/viewr", nil)},
		"A write is refused": {
			refusedWrite("itwin/config", fields{"secret": "x"}),
			refusedWrite("itwin/config", fields{"authority": "https://qa-ims.bentley.com"}),
			refusedWrite("itwin/config", fields{"client_secret": "\uFEFFx"}),
			refusedWrite("itwin/config", fields{"client_secret": "x\ny"}),
			refusedWrite("itwin/config", fields{"client_id": "x\u200by"}),
			refusedWrite("itwin/config", fields{"client_secret": `{"client_secret": "x"}`}),
			refusedWrite("itwin/config", fields{"authority": "https://ims.bentley.com/.well-known/openid-configuration"}),
			refusedWrite("itwin/config", fields{"authority": "https://ims.bentley.com/connect/token"}),
			refusedWrite("itwin/config/a..b", fields{"client_id": "x"}),
			refusedWrite("itwin/config", fields{"client_secret": "wrong"}),
			refusedWrite("itwin/config", fields{"client_secret": "x", "token_url": "https://127.0.0.1:1"}),
		},
		"A write is stored with a warning": {
			warned(fields{"verify": false}), warned(fields{"client_secret": " " + clientSecret, "verify": false}),
			warned(fields{"authority": "https://qa-ims.bentley.com", "api_url": "https://api.bentley.com", "verify": false}),
			warned(fields{"authority": "https://imsoidc.bentley.com", "verify": false}),
			warned(fields{"client_secret": `"x"`, "verify": false}),
			warned(fields{"renew_before": "45m"}),
		},
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
		"Rate limits": {failing(emulator.Fault{RetryAfter: time.Minute}, nil), checkedDuringAPause, checkedTooOften, overQuota},
	}
}

// unreachables are those in which no answer of IMS arrives.
func unreachables() []situation {
	return []situation{
		explained(&net.DNSError{IsNotFound: true}), explained(&net.DNSError{IsTimeout: true}),
		failing(emulator.Fault{}, fields{"token_url": "https://127.0.0.1:1"}),
		explained(&net.OpError{Op: "dial", Err: errors.New("no route")}),
		throughAProxyThatRefuses, throughAProxyThatIsAway,
		withoutTheCA, withoutTLS,
		explained(x509.HostnameError{Certificate: &x509.Certificate{}}),
		explained(x509.CertificateInvalidError{Reason: x509.Expired}),
		explained(errors.New("remote error: tls: protocol version not supported")),
		failing(emulator.Fault{DropConnection: true}, nil),
		failing(emulator.Fault{Delay: 5 * time.Second}, fields{"request_timeout": "1s"}),
	}
}

func errorAnswers() []situation {
	return []situation{
		failing(emulator.Fault{Status: http.StatusServiceUnavailable}, nil),
		failing(emulator.Fault{Status: http.StatusForbidden}, nil),
		failing(emulator.Fault{Status: http.StatusFound}, nil),
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

// explained is how the engine puts a failure of the network that no test can bring about everywhere.
func explained(err error) situation {
	return func(*testing.T, *desk) string {
		return (&ims.Error{Kind: ims.Unreachable, Stage: outbound.StageTLS, Detail: err.Error()}).Error()
	}
}

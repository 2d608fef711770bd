package itwin

import (
	"fmt"
	"net/http"
	"strings"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/platform"
)

// imsHint says, in whole sentences, what to do about a failed request to IMS.
func imsHint(e *ims.Error) string {
	switch {
	case e.GODEBUG != "":
		return godebugHint(e.GODEBUG)
	case e.Kind == ims.Refused:
		return refusalHint(e)
	case e.Kind == ims.RateLimited:
		return "Wait, and check whether something else that uses this app is sending IMS too many requests."
	case e.Kind == ims.Malformed, e.Kind == ims.Foreign:
		return "Check that authority and token_url belong to IMS, and whether a proxy or firewall is answering instead of IMS."
	case e.Kind == ims.Unavailable:
		return "Wait, and check status.bentley.com. If IMS is up, check the proxies between Vault and IMS."
	case e.Kind == ims.TimedOut && e.Limit > 0:
		return reachHint(e.Stage) + " If IMS is just slow, increase request_timeout."
	}
	return reachHint(e.Stage)
}

// godebugHint names the setting of Go that lets the engine talk to a server with
// outdated TLS, or through a middlebox that can't handle current TLS.
func godebugHint(setting string) string {
	return "If you can't change the server or the device in between, register the plugin again with -env=GODEBUG=" + setting + "."
}

// reachHint says what to do about a host that can't be reached.
func reachHint(stage outbound.Stage) string {
	switch stage {
	case outbound.StageDNS:
		return "Check the host name in authority or token_url, and the name servers of the Vault server." +
			" Behind a proxy, check that HTTPS_PROXY is set for the plugin (-env when you register it) and that NO_PROXY" +
			" doesn't list the host."
	case outbound.StageTLS:
		return "Check ca_cert and tls_min_version, and whether a proxy between Vault and IMS replaces certificates."
	case outbound.StageProxy:
		return "Check HTTPS_PROXY and NO_PROXY, which are set with -env when you register the plugin."
	default:
		return "Check that the Vault server can reach IMS: firewall, proxy (HTTPS_PROXY), status.bentley.com."
	}
}

// refusalHint says what to do about an error code of RFC 6749, section 5.2.
func refusalHint(e *ims.Error) string {
	other := ""
	if prefix := otherAppType(e.ClientID); prefix != "" {
		other = fmt.Sprintf("client_id starts with %s: only apps of type Service can use client credentials. ", prefix)
	}
	const scope = "The scope isn't enabled for the app: add it to the app in My Apps, or change scopes in the config or role."
	switch e.Code {
	case "invalid_client":
		return other + "Check client_id and client_secret in the app's config. IMS also answers invalid_client for a few minutes" +
			" after an app is registered, and during maintenance (status.bentley.com)."
	case "invalid_scope":
		return scope
	case "unauthorized_client", "unsupported_grant_type":
		if strings.Contains(strings.ToLower(e.Description), "invalid scope") { // IMS gives either code
			return scope
		}
		if other == "" {
			other = "The app can't use client credentials. "
		}
		return other + "Register an app of type Service in My Apps."
	}
	return "Check the app in My Apps, and its config."
}

// otherAppType returns the prefix that shows a client id to belong to an app of another
// type than Service, or an empty string.
func otherAppType(clientID string) string {
	for _, prefix := range []string{"spa-", "native-", "webapp-"} {
		if strings.HasPrefix(clientID, prefix) {
			return prefix
		}
	}
	return ""
}

// platformHint says what to do about an error of the Platform.
func platformHint(stage, appEmail string, e *platform.Error) string {
	switch e.Cause() {
	case platform.UnknownClient:
		return "The Platform doesn't know the app: authority and api_url must belong to the same environment, and an app" +
			" registered in the last few minutes may not be known yet. Also check status.bentley.com."
	case platform.MissingScope:
		return "Add the scope itwin-platform to the app in My Apps, and to the role or config."
	case platform.MissingConsent:
		return "An administrator of the organization must consent to the app in My Apps."
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "authority and api_url must belong to the same environment," +
			" and the scopes of the role or config must include itwin-platform."
	case http.StatusForbidden, http.StatusNotFound:
		if stage == stagePermissions {
			return inviteHint(appEmail)
		}
		return "Check that api_url belongs to the iTwin Platform: users/me works without access to any iTwin."
	case http.StatusTooManyRequests:
		return "All users of the app share its rate limit: wait, or get a higher limit from Bentley."
	case 0:
		if e.GODEBUG != "" {
			return godebugHint(e.GODEBUG)
		}
		return "Check api_url and ca_cert, and that the Vault server can reach the Platform: firewall, proxy (HTTPS_PROXY)."
	default:
		return "Check api_url and status.bentley.com, or give the correlation id to Bentley's support."
	}
}

func inviteHint(appEmail string) string {
	return "The token is valid, but the app has no access to this iTwin. Check the id, invite " + appEmail +
		" to the iTwin and give it a role. For a new app, this can take 5 to 10 minutes to take effect."
}

package itwin

import (
	"fmt"
	"strings"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
)

// imsHint says in whole sentences what to do about a request to IMS that failed.
func imsHint(e *ims.Error) string {
	const elsewhere = "Check that authority and token_url belong to IMS: something else answered."
	switch {
	case e.Kind == ims.Refused:
		return refusalHint(e)
	case e.Kind == ims.RateLimited:
		return "Wait, and check whether something else uses the same app and asks IMS too often."
	case e.Kind == ims.Malformed:
		return elsewhere
	case e.Kind == ims.TimedOut && e.Limit > 0:
		return reachHint(e.Stage) + " If IMS is only slow, raise request_timeout."
	case e.Status >= 500:
		return "Wait, and check status.bentley.com. If IMS is up, check the proxies between Vault and IMS."
	case e.Status != 0:
		return elsewhere
	}
	return reachHint(e.Stage)
}

// reachHint says what to do about a host that can't be reached.
func reachHint(stage outbound.Stage) string {
	switch stage {
	case outbound.StageDNS:
		return "Check the host name in authority or token_url, and the name servers of the Vault server." +
			" Behind a proxy, set HTTPS_PROXY and NO_PROXY with -env when you register the plugin."
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
		other = fmt.Sprintf("client_id starts with %s: only apps of the type Service can use client credentials. ", prefix)
	}
	switch e.Code {
	case "invalid_client":
		return other + "Check client_id and client_secret in the app's config. IMS also answers invalid_client for a few minutes" +
			" after an app is registered, and during maintenance (status.bentley.com)."
	case "invalid_scope":
		return "The scope isn't enabled for the app: add it to the app in My Apps, or change scopes in the config or role."
	case "unauthorized_client", "unsupported_grant_type":
		return other + "The app can't use client credentials: register an app of the type Service."
	}
	return "Check the app in My Apps, and its config."
}

// otherAppType returns the prefix that My Apps gives to the client ids of another
// type of app than Service, or an empty string.
func otherAppType(clientID string) string {
	for _, prefix := range []string{"spa-", "native-", "webapp-"} {
		if strings.HasPrefix(clientID, prefix) {
			return prefix
		}
	}
	return ""
}

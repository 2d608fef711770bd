package itwin

import (
	"fmt"
	"strings"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
)

// imsHint says in whole sentences what to do about a request to IMS that failed.
func imsHint(e *ims.Error) string {
	const elsewhere = "Check that authority and token_url lead to IMS: something else answered."
	switch {
	case e.Kind == ims.Refused:
		return refusalHint(e)
	case e.Kind == ims.RateLimited:
		return "Wait, and look for another user of the same app that asks IMS too often."
	case e.Kind == ims.Malformed:
		return elsewhere
	case e.Kind == ims.TimedOut && e.Limit > 0:
		return reachHint(e.Stage) + " If IMS is only slow, raise request_timeout."
	case e.Status >= 500:
		return "Wait, and see status.bentley.com. If IMS works, check the proxies on the way to it."
	case e.Status != 0:
		return elsewhere
	}
	return reachHint(e.Stage)
}

// reachHint says what to do about a host that can't be reached.
func reachHint(stage outbound.Stage) string {
	switch stage {
	case outbound.StageDNS:
		return "Check the host in authority or token_url, and the name servers of the Vault server."
	case outbound.StageTLS:
		return "Check ca_cert and tls_min_version, and whether a proxy replaces certificates on the way."
	case outbound.StageProxy:
		return "Check HTTPS_PROXY and NO_PROXY, given with -env when the plugin was registered."
	default:
		return "Check that the Vault server may reach IMS: firewall, proxy (HTTPS_PROXY), status.bentley.com."
	}
}

// refusalHint says what to do about an error code of RFC 6749, section 5.2.
func refusalHint(e *ims.Error) string {
	other := ""
	if prefix := otherKindOfApp(e.ClientID); prefix != "" {
		other = fmt.Sprintf("client_id starts with %s: apps of that kind can't use client credentials, only those of the type Service. ", prefix)
	}
	switch e.Code {
	case "invalid_client":
		return other + "Check client_id and client_secret in the app's config. IMS also answers this for some minutes" +
			" after an app is registered, and during maintenance (status.bentley.com)."
	case "invalid_scope":
		return "The scope isn't enabled for the app: add it to the app in My Apps, or change scopes in the config or role."
	case "unauthorized_client", "unsupported_grant_type":
		return other + "The app may not use client credentials: register an app of the type Service."
	}
	return "Check the app in My Apps and its config."
}

// otherKindOfApp is the beginning of the ids of a kind of app that isn't a
// service, or empty.
func otherKindOfApp(clientID string) string {
	for _, prefix := range []string{"spa-", "native-", "webapp-"} {
		if strings.HasPrefix(clientID, prefix) {
			return prefix
		}
	}
	return ""
}

package itwin

import (
	"net/http"
	"strings"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/platform"
)

// imsHint says what to do about a failed exchange.
func imsHint(e *ims.Error) string {
	switch e.Kind {
	case ims.Refused:
		return strings.TrimPrefix(refusalHint(e.Code), ". ")
	case ims.RateLimited:
		return "Wait, and look for another user of the same app that asks IMS too often."
	case ims.Malformed:
		return "Check that authority and token_url lead to IMS: something else answered."
	case ims.TimedOut, ims.Unreachable:
	}
	switch e.Stage {
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

// platformHint says what to do about an answer of the Platform.
func (c *chain) platformHint(stage string, e *platform.Error) string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "IMS and the Platform must be of one environment (authority, api_url)," +
			" and the token needs the scope itwin-platform, which the role or config names."
	case http.StatusForbidden, http.StatusNotFound:
		if stage == stagePermissions {
			return c.inviteHint()
		}
		return "Check that api_url leads to the iTwin Platform: users/me needs no access to any iTwin."
	case http.StatusTooManyRequests:
		return "The app's users share its rate limit: wait, or ask for a larger subscription."
	case 0:
		return "Check api_url, ca_cert, and that the Vault server may reach it: firewall, proxy (HTTPS_PROXY)."
	default:
		return "Check api_url and status.bentley.com, or ask Bentley's support with the correlation id."
	}
}

func (c *chain) inviteHint() string {
	return "The token is good, but the app has no access to this iTwin: if the id is right, invite " +
		asString(c.found[keyAppEmail]) + " to it and give it a role. A new app may need 5 to 10 minutes."
}

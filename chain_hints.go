package itwin

import (
	"net/http"

	"vault-plugin-secrets-itwin/internal/platform"
)

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

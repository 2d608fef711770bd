package itwin

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	// spacesSent is for those who pasted more than the secret.
	spacesSent = "client_secret begins or ends with a space, which is sent with it:" +
		" write it again without, unless the space is the secret's own"

	// roundedLifetime lets tokens of 3599 seconds, which IMS gives too, pass for an hour.
	roundedLifetime = time.Second
)

// configWarnings tells of what is odd and was stored all the same. path is the
// config's, with the mount; first is the token that proved it, nil where none did.
func configWarnings(path string, c *config, secretGiven bool, first *tokens.Grant) *logical.Response {
	resp := &logical.Response{}
	warn := func(format string, args ...any) { resp.AddWarning(fmt.Sprintf(format, args...)) }
	if prefix := otherAppType(c.ClientID); prefix != "" {
		warn("client_id starts with %s: that is not a service app."+
			" Tokens for services need an app of the type Service in My Apps.", prefix)
	}
	if secretGiven && c.secretHasSpaces() {
		warn("%s.", spacesSent)
	}
	ims, api := environmentOf(c.Authority), environmentOf(c.APIURL)
	if ims.name != "" && api.name != "" && ims != api {
		warn("authority is of %[2]s and api_url of %[3]s, which refuses %[2]s's tokens, so check fails: run `vault write"+
			" %[1]s api_url=%[4]s client_secret=…`, or with authority=%[5]s if the app is of %[3]s.",
			path, ims.name, api.name, ims.apiURL, api.authority)
	}
	switch {
	case first == nil:
		warn("The config was stored without proof that IMS accepts it: read check to see.")
	case c.RenewBefore > first.Lifetime/2+roundedLifetime:
		warn("renew_before is %s, but IMS's tokens live %s: half of that, %s, is used instead.",
			short(c.RenewBefore), short(first.Lifetime), short(first.Lifetime/2))
	}
	if len(resp.Warnings) == 0 {
		return nil
	}
	return resp
}

func (c *config) secretHasSpaces() bool {
	value := c.ClientSecret.Reveal()
	return strings.TrimSpace(value) != value
}

// environment is one of Bentley's, whose Platform takes no tokens of another's IMS.
type environment struct{ name, authority, apiURL string }

// environmentOf returns none for a host that isn't Bentley's. The developers' API
// takes the tokens of QA.
func environmentOf(endpoint string) environment {
	u, err := url.Parse(endpoint)
	if err != nil {
		return environment{}
	}
	switch u.Hostname() {
	case "ims.bentley.com", "api.bentley.com":
		return environment{"production", defaultAuthority, defaultAPIURL}
	case "qa-ims.bentley.com", "qa-api.bentley.com", "dev-api.bentley.com":
		return environment{"QA", "https://qa-ims.bentley.com", "https://qa-api.bentley.com"}
	}
	return environment{}
}

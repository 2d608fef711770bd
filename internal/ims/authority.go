package ims

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"vault-plugin-secrets-itwin/internal/outbound"
)

const (
	tokenPath     = "/connect/token"
	discoveryPath = "/.well-known/openid-configuration"
	// keysPath is where IMS publishes its keys, below the authority.
	keysPath = discoveryPath + "/jwks"
)

// TokenURL returns the token endpoint of an authority that ParseAuthority returned.
func TokenURL(authority string) string { return authority + tokenPath }

// ParseAuthority is outbound.ParseEndpoint for an authority. Given one of the addresses
// below it, the error says what to type instead.
func ParseAuthority(raw string) (string, error) {
	endpoint, err := outbound.ParseEndpoint(raw)
	if err != nil {
		return "", err
	}
	if authority := authorityOf(endpoint); authority != endpoint {
		return "", typeInstead("must be the authority alone", authority)
	}
	return endpoint, nil
}

// ParseTokenURL is outbound.ParseEndpoint for a token endpoint. Given the discovery
// document or another endpoint of IMS, the error says what to type instead.
func ParseTokenURL(raw string) (string, error) {
	endpoint, err := outbound.ParseEndpoint(raw)
	if err != nil {
		return "", err
	}
	authority := authorityOf(endpoint)
	if authority != endpoint && endpoint != TokenURL(authority) {
		return "", typeInstead("must be the token endpoint", TokenURL(authority))
	}
	return endpoint, nil
}

// AuthorityWarning says why tokens of a known authority are of no use to the iTwin
// Platform; it is empty for all others.
func AuthorityWarning(authority string) string {
	u, err := url.Parse(authority)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	newer := strings.Replace(host, "imsoidc.", "ims.", 1)
	if newer == host || !strings.HasSuffix(host, "imsoidc.bentley.com") {
		return ""
	}
	return fmt.Sprintf("%s is an older authority, whose tokens the iTwin Platform refuses: use https://%s unless another product,"+
		" such as OpenGround, needs it", host, newer)
}

// authorityOf cuts off the path of an endpoint that IMS has below its authority.
func authorityOf(endpoint string) string {
	for _, path := range []string{discoveryPath, "/connect/"} {
		if authority, _, found := strings.Cut(endpoint, path); found {
			return authority
		}
	}
	return endpoint
}

// typeInstead shows a URL unless it is too long or odd to help.
func typeInstead(rule, endpoint string) error {
	if shown := outbound.NewCleaner().Text(endpoint); shown == endpoint {
		return fmt.Errorf("%s: type %s", rule, endpoint)
	}
	return errors.New(rule)
}

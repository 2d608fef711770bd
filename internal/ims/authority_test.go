package ims

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAddressBelowTheAuthorityIsRefusedWithWhatToType(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"https://ims.bentley.com/.well-known/openid-configuration", "https://ims.bentley.com/connect/token",
		"https://ims.bentley.com/.well-known/openid-configuration/jwks", "https://IMS.bentley.com/connect/token/",
	} {
		_, err := ParseAuthority(raw)
		require.EqualError(t, err, "must be the authority alone: type https://ims.bentley.com", raw)
	}
	for _, raw := range []string{"https://ims.bentley.com", "https://ims.bentley.com/", "https://sso.example/realms/a"} {
		_, err := ParseAuthority(raw)
		require.NoError(t, err, raw)
	}
}

func TestAnotherEndpointThanTheTokensIsRefusedWithWhatToType(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"https://ims.bentley.com/.well-known/openid-configuration", "https://ims.bentley.com/connect/authorize",
	} {
		_, err := ParseTokenURL(raw)
		require.EqualError(t, err, "must be the token endpoint: type https://ims.bentley.com/connect/token", raw)
	}
	for _, raw := range []string{"https://ims.bentley.com/connect/token", "https://sso.example/oauth2/token"} {
		_, err := ParseTokenURL(raw)
		require.NoError(t, err, raw)
	}
}

func TestTheOlderAuthorityIsWarnedOf(t *testing.T) {
	t.Parallel()
	require.Contains(t, AuthorityWarning("https://imsoidc.bentley.com/"), "use https://ims.bentley.com")
	require.Contains(t, AuthorityWarning("https://qa-imsoidc.bentley.com"), "use https://qa-ims.bentley.com")
	for _, authority := range []string{"https://ims.bentley.com", "https://imsoidc.example.com", "", "%"} {
		require.Empty(t, AuthorityWarning(authority))
	}
}

package emulator

import (
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client shows an authenticated app to the library. What it leaves to the embedded nil interface concerns apps that
// sign people in through a browser; the library never asks a client credentials grant for it.
type client struct {
	op.Client

	app        App
	authMethod oidc.AuthMethod
}

// GetID is the client id.
func (c *client) GetID() string { return c.app.ClientID }

// AuthMethod is how this very request authenticated.
func (c *client) AuthMethod() oidc.AuthMethod { return c.authMethod }

// GrantTypes lets the library refuse every other grant with unauthorized_client.
func (c *client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

// authMethod relies on the library having refused requests that use both methods.
func authMethod(header http.Header) oidc.AuthMethod {
	if scheme, _, _ := strings.Cut(header.Get("Authorization"), " "); strings.EqualFold(scheme, "Basic") {
		return oidc.AuthMethodBasic
	}
	return oidc.AuthMethodPost
}

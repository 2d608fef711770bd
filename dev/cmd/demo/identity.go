package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	acceptUser      = "application/vnd.bentley.itwin-platform.v1+json"
	platformTimeout = 15 * time.Second
	maxAnswer       = 1 << 20 // bytes
)

// identity is the service app, and where its identity provider and the iTwin Platform are.
type identity struct {
	clientID, clientSecret string
	authority, apiURL      string

	// Nil and empty with the real ones.
	emulator *emulator.Emulator
	second   emulator.App
}

func newIdentity(s settings) (*identity, error) {
	if !s.emulated() {
		return &identity{clientID: s.clientID, clientSecret: s.clientSecret, authority: s.authority, apiURL: s.apiURL}, nil
	}
	app := emulator.App{
		ClientID:     "service-demo",
		ClientSecret: randomSecret(),
		Scopes:       []string{"itwin-platform", "itwins:read", "imodels:modify"},
	}
	second := emulator.App{ClientID: "service-survey", ClientSecret: randomSecret(), Scopes: []string{"itwin-platform"}}
	ims, err := emulator.Start(emulator.Options{Apps: []emulator.App{app, second}})
	if err != nil {
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	return &identity{
		clientID: app.ClientID, clientSecret: app.ClientSecret,
		authority: ims.URL(), apiURL: ims.URL(), emulator: ims, second: second,
	}, nil
}

// places are the fields that a config needs to find IMS and the Platform, on a line of their own.
func (i *identity) places() string {
	var fields []string
	if i.authority != defaultAuthority {
		fields = append(fields, "authority="+quote(i.authority))
	}
	if i.apiURL != defaultAPIURL {
		fields = append(fields, "api_url="+quote(i.apiURL))
	}
	if len(fields) == 0 {
		return ""
	}
	return nextLine + strings.Join(fields, " ")
}

func (i *identity) close() error {
	if i.emulator == nil {
		return nil
	}
	return i.emulator.Close()
}

// randomSecret looks as IMS's secrets do: base64 of 64 bytes, whose + / = must be encoded on their way.
func randomSecret() string {
	raw := make([]byte, 64)
	_, _ = rand.Read(raw) // never fails, as its documentation says
	return base64.StdEncoding.EncodeToString(raw)
}

// usersMe asks the Platform who the token's owner is, and returns its answer as it came.
func (i *identity) usersMe(ctx context.Context, token string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, platformTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.usersMeURL(), http.NoBody)
	if err != nil {
		return "", fmt.Errorf("calling users/me: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", acceptUser)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("calling users/me: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the Platform answered %s", response.Status)
	}
	return string(body), err
}

func (i *identity) usersMeURL() string { return strings.TrimSuffix(i.apiURL, "/") + "/users/me" }

package soak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// fields are those of a request's body.
type fields map[string]any

// vault is what readers and the operator talk to.
type vault interface {
	// readToken returns a refusal if there was an answer that is no token.
	readToken(ctx context.Context, reader int, path string) (token, error)
	write(path string, data fields) error
	remove(path string) error
	read(path string) error
	check(path string) error
	reload() error
}

// token is what a reader takes from an answer.
type token struct {
	AccessToken string `json:"access_token"`
	ID          string `json:"token_id"`
	ClientID    string `json:"client_id"`
	Scope       string `json:"scope"`
	TTL         int64  `json:"ttl"`
	ExpiresAt   int64  `json:"expires_at_unix"` // seconds since 1970
}

// refusal is an answer with another status than 200.
type refusal struct {
	status int
	text   string
}

// Error implements error.
func (r refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.text) }

// excusable says whether an error is IMS's fault, by its status.
func excusable(err error) bool {
	var r refusal
	if !errors.As(err, &r) {
		return false
	}
	switch r.status {
	case http.StatusBadRequest, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return false
}

const (
	secret   = "soak+secret/=="
	lifetime = 10 * time.Second
	readers  = 64
)

// The apps that IMS knows: the default app is one of the first two, the app "second" one of the others.
func clientsOf(app string) []string {
	if app == "" {
		return []string{"service-a", "service-b"}
	}
	return []string{"service-c", "service-d"}
}

func scopes() []string {
	return []string{"itwin-platform", "itwins:read", "imodels:modify", "itwins:modify"}
}

// combinations are every set of some of the scopes, each as IMS and the engine write it.
func combinations() []string {
	all := slices.Sorted(slices.Values(scopes()))
	var sets []string
	for mask := 1; mask < 1<<len(all); mask++ {
		var set []string
		for i, scope := range all {
			if mask&(1<<i) != 0 {
				set = append(set, scope)
			}
		}
		sets = append(sets, strings.Join(set, " "))
	}
	return sets
}

func startIMS() (*emulator.Emulator, error) {
	var apps []emulator.App
	for _, name := range []string{"", "second"} {
		for _, id := range clientsOf(name) {
			apps = append(apps, emulator.App{ClientID: id, ClientSecret: secret, Scopes: scopes()})
		}
	}
	return emulator.Start(emulator.Options{Lifetime: lifetime, Apps: apps})
}

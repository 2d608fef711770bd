package itwin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// unsigned is the reason for a JWT that no published key signed.
func (e *env) unsigned() string {
	return "none of the keys at " + e.ims.URL + keysEndpoint + " signed it: it was altered, or comes from another authority;" +
		" a key that has been published there for less than a minute may not be known yet"
}

func newIntrospectEnv(t *testing.T) (*env, *bentley) {
	t.Helper()
	e := newEnv(t)
	b := newBentley(e)
	e.mustWrite("config", e.app())
	return e, b
}

// introspect also checks that nothing of the token is told, logged or stored.
func (e *env) introspect(token string) map[string]any {
	e.t.Helper()
	return e.introspectAs("", token)
}

// introspectAs puts what people copy along before the token.
func (e *env) introspectAs(prefix, token string) map[string]any {
	e.t.Helper()
	stored := e.storage.Entries(e.t, "")
	found := e.mustWrite("introspect", fields{keyToken: prefix + token}).Data
	require.Equal(e.t, stored, e.storage.Entries(e.t, ""))
	require.NotContains(e.t, e.log.String(), token)
	require.NotContains(e.t, fmt.Sprint(found), token)
	require.Equal(e.t, tokens.ID(secret.New(token)), found[keyTokenID])
	return found
}

func TestIntrospectUsesTheKeysOfEachAppInTurn(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	e.mustWrite("config/other", e.app(fields{keyClientID: "service-other"}))
	for range 2 {
		require.Equal(t, true, e.introspect(b.Token(nil))[keyActive])
		require.Equal(t, true, e.introspect(b.Token(fields{"client_id": "service-other"}))[keyActive])
	}
	require.Equal(t, 2, b.Asked(keysEndpoint))
	e.mustWrite("config", fields{keyRequestTimeout: 11})
	require.Equal(t, true, e.introspect(b.Token(nil))[keyActive])
	require.Equal(t, 3, b.Asked(keysEndpoint), "an app that is written again fetches its keys again")
}

func TestIntrospectSaysWhyATokenIsNotActive(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	good := b.Token(nil)
	parts := strings.Split(good, ".")
	cases := map[string]struct {
		token, reason string
		signed        bool
	}{
		"it has expired":   {b.Token(fields{"exp": e.clock.now().Unix()}), "it has expired", true},
		"it never expires": {b.Token(fields{"exp": nil}), "it has no expiry", true},
		"it is another issuer's": {
			b.Token(fields{"iss": "https://ims.example"}), "its issuer isn't the authority in the app's config", true,
		},
		"its claims were changed":    {parts[0] + "." + jwtPart(b.claims(fields{"sub": "root"})) + "." + parts[2], e.unsigned(), false},
		"it names another algorithm": {jwtPart(fields{"alg": "RS384"}) + "." + parts[1] + "." + parts[2], "RS256", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := e.introspect(c.token)
			require.Equal(t, false, found[keyActive])
			require.Contains(t, found[keyReason], c.reason)
			if !c.signed {
				require.NotContains(t, found, keyClaims, "nobody vouches for them")
				require.Empty(t, found[keyApps])
				require.Empty(t, found[keyRoles])
			}
		})
	}
}

func TestIntrospectVerifiesWithTheAuthorityThatTheTokenNames(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	other := newEnv(t)
	qa := newBentley(other)
	e.mustWrite("config/qa", e.app(fields{keyAuthority: other.ims.URL}))
	found := e.introspect(qa.Token(nil))
	require.Equal(t, true, found[keyActive], "one client id, two authorities")
	require.Equal(t, []string{"config/qa"}, found[keyApps])
	found = e.introspect(b.Token(fields{"client_id": "service-unknown"}))
	require.Equal(t, true, found[keyActive], "genuine, and nobody's here")
	require.Empty(t, found[keyApps])
	found = e.introspect(qa.Token(fields{"iss": e.ims.URL}))
	require.Equal(t, e.unsigned(), found[keyReason], "what a token states opens nothing")
}

func TestIntrospectFetchesKeysAgainForAnUnknownKeyAfterAMinute(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	require.Equal(t, true, e.introspect(b.Token(nil))[keyActive])
	b.RotateKey()
	fresh := b.Token(nil)
	e.clock.advance(time.Minute - time.Second)
	for range 5 {
		require.Equal(t, e.unsigned(), e.introspect(fresh)[keyReason])
	}
	require.Equal(t, 1, b.Asked(keysEndpoint))
	e.clock.advance(time.Second)
	require.Equal(t, true, e.introspect(fresh)[keyActive])
	require.Equal(t, 2, b.Asked(keysEndpoint))
}

func TestIntrospectFailsWithoutKeys(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	b.Say(keysEndpoint, saying(http.StatusBadGateway, "canary page"))
	for range 3 {
		status, text := e.mustFail(logical.UpdateOperation, "introspect", fields{keyToken: b.Token(nil)})
		require.Equal(t, http.StatusBadGateway, status)
		require.Contains(t, text, e.ims.URL+keysEndpoint)
		require.Contains(t, text, "status 502")
		require.Contains(t, text, "2026-11-23T12:01:00Z")
	}
	require.Equal(t, 1, b.Asked(keysEndpoint))
	parts := strings.Split(b.Token(nil), ".")
	other := jwtPart(fields{"alg": "RS384"}) + "." + parts[1] + "." + parts[2]
	require.Contains(t, e.introspect(other)[keyReason], "RS256", "no key is needed to see that")
	b.Say(keysEndpoint, b.publish)
	e.clock.advance(time.Minute)
	require.Equal(t, true, e.introspect(b.Token(nil))[keyActive])
}

func TestIntrospectEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	released := make(chan struct{})
	b.Say(keysEndpoint, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-released
		b.publish(w, r)
	})
	_, err := e.handle(ctx, logical.UpdateOperation, "introspect", fields{keyToken: b.Token(nil)})
	_, canceled := answer(context.Canceled)
	require.Equal(t, canceled, err)
	close(released)
}

func TestIntrospectSkipsDamagedConfigsAndRoles(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	e.mustWrite("role/own", nil)
	e.storage.Plant(t, "config/bad", "canary{")
	e.storage.Plant(t, "role/bad", "canary{")
	found := e.introspect(b.Token(nil))
	require.Equal(t, []string{"own"}, found[keyRoles])
	e.mustDelete("config")
	_, text := e.mustFail(logical.UpdateOperation, "introspect", fields{keyToken: b.Token(nil)})
	require.Equal(t, errDamagedConfig.Error(), text)
}

func TestIntrospectNamesStorageThatFails(t *testing.T) {
	t.Parallel()
	for prefix, op := range map[string]string{"config/": opList, "role/": opList, "role/own": opGet} {
		e, b := newIntrospectEnv(t)
		e.mustWrite("role/own", nil)
		e.InvalidateKey(t.Context(), "role/own")
		e.storage.Fail(op, prefix)
		status, text := e.mustFail(logical.UpdateOperation, "introspect", fields{keyToken: b.Token(nil)})
		require.Equal(t, http.StatusInternalServerError, status)
		require.Contains(t, text, "the disk is on fire")
	}
}

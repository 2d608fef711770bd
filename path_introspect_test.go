package itwin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokentext"
)

func TestIntrospectShowsAnActiveTokenAndWhoseItIs(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	e.mustWrite("config/same", e.app())
	e.mustWrite("config/other", e.app(fields{keyClientID: "service-other"}))
	e.mustWrite("role/own", nil)
	e.mustWrite("role/equal", fields{keyApp: "same", keyScopes: "itwin-platform"})
	e.mustWrite("role/more", fields{keyScopes: "itwin-platform itwins:read"})
	e.mustWrite("role/foreign", fields{keyApp: "other"})

	for _, prefix := range []string{"", "Bearer ", "bearer  ", " \n"} {
		found := e.introspectAs(prefix, b.Token(nil))
		require.Equal(t, true, found[keyActive])
		require.NotContains(t, found, keyReason)
		require.Equal(t, "2026-11-23T13:00:00Z", found[keyExpiresAt])
		require.Equal(t, []string{"config", "config/same"}, found[keyApps])
		require.Equal(t, []string{"equal", "own"}, found[keyRoles])
		claims := found[keyClaims].(map[string]any)
		require.Equal(t, []any{"bentley-api-management"}, claims["aud"])
		require.Equal(t, "service-test", claims["client_id"])
	}
	scoped := e.introspect(b.Token(fields{"scope": "itwins:read itwin-platform"}))
	require.Equal(t, []string{"more"}, scoped[keyRoles], "scopes in one string, as RFC 8693 has them")
	require.Equal(t, 1, b.Asked(keysEndpoint))
}

func TestIntrospectRefusesTextThatIsNotAToken(t *testing.T) {
	t.Parallel()
	e, b := newIntrospectEnv(t)
	e.mustRefuse("token "+tokentext.ErrEmpty.Error(), "introspect", nil)
	parts := strings.Split(b.Token(nil), ".")
	for text, want := range map[string]error{
		"\n": tokentext.ErrEmpty, "not-a-token": tokentext.ErrNotJWT, "...": tokentext.ErrNotJWT,
		parts[0] + "." + parts[1] + ".":                       tokentext.ErrIncomplete,
		parts[0] + "." + parts[1] + "." + parts[2][:5]:        tokentext.ErrIncomplete,
		jwtPart(fields{"alg": "none"}) + "." + parts[1] + ".": tokentext.ErrIncomplete,
		b.HS256Token():             tokentext.ErrIncomplete,
		strings.Repeat("a", 2<<20): tokentext.ErrTooLong,
	} {
		e.mustRefuse("token "+want.Error(), "introspect", fields{keyToken: text})
	}
	status, text := newEnv(t).mustFail(logical.UpdateOperation, "introspect", fields{keyToken: b.Token(nil)})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "vault write itwin/config")
}

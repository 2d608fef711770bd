package itwin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestCheckReportsEveryStageAndReturnsNoToken(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	stored := e.storage.Entries(t, "")
	handed := e.token()

	answer, stages := e.check("check/viewer", fields{keyITwinID: "some-itwin"})
	require.Equal(t, []string{"config", "connect", "exchange", "token", "users/me", "permissions"}, stages)
	id := answer[keyTokenID]
	require.Len(t, id, 64)
	delete(answer, keyTokenID)
	delete(answer, keyStages)
	require.Equal(t, map[string]any{
		keyOK: true, keyClientID: "service-test", keyScope: "itwins:read", keyAppEmail: "robot@apps.example",
		keyDisplayName: "Bridge robot", keyOrganization: "Bridges", keyITwinID: "some-itwin",
		keyPermissions: []string{"imodels_read", "imodels_write"},
	}, answer)
	require.Equal(t, 1, b.Asked(permissionsEndpoint))
	require.Equal(t, stored, e.storage.Entries(t, ""), "its token isn't stored")
	require.Equal(t, handed, e.token(), "nor shared")
}

func TestCheckAsksForPermissionsOnlyWithAnITwinID(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	answer, stages := e.check("check")
	require.Equal(t, []string{"config", "connect", "exchange", "token", "users/me"}, stages)
	require.Equal(t, true, answer[keyOK])
	require.NotContains(t, answer, keyPermissions)
	require.Zero(t, b.Asked(permissionsEndpoint))
}

func TestCheckSuggestsAnInvitationForAnAppWithoutPermissions(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	b.Say(permissionsEndpoint, saying(http.StatusOK, `{"permissions":[]}`))
	answer, _ := e.check("check", fields{keyITwinID: "some-itwin"})
	require.Equal(t, true, answer[keyOK])
	require.Empty(t, answer[keyPermissions])
	require.Contains(t, answer[keyHint], "invite robot@apps.example")
}

func TestCheckDerivesTheEmailIfThePlatformOmitsIt(t *testing.T) {
	t.Parallel()
	e, b := newCheckEnv(t)
	b.Say(meEndpoint, saying(http.StatusOK, `{"user":{}}`))
	answer, _ := e.check("check")
	require.Equal(t, "service-test@apps.imsoidc.bentley.com", answer[keyAppEmail])
}

func TestCheckRefusesWhatCannotBeChecked(t *testing.T) {
	t.Parallel()
	e, _ := newCheckEnv(t)
	for _, id := range []string{"../users/me", "a b", "a?b", strings.Repeat("a", 65), "ä"} {
		status, text := e.mustFail(logical.ReadOperation, "check", fields{keyITwinID: id})
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, text, "itwin_id must be the id of an iTwin")
	}
	status, text := e.mustFailRead("check/nobody")
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, `role "nobody" doesn't exist`)
	status, text = newEnv(t).mustFailRead("check")
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "vault write itwin/config")
}

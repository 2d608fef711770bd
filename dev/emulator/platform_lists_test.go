package emulator_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListsShowWhatTheAppIsAMemberOf(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	token := env.mustToken()
	for path, key := range map[string]string{"/itwins?subClass=Project": "iTwins", "/imodels?iTwinId=" + iTwinID: "iModels"} {
		got := env.call(path, acceptV2, token)
		require.Equal(t, http.StatusOK, got.status, got.body)
		list, ok := got.fields(t)[key].([]any)
		require.True(t, ok, got.body)
		require.Len(t, list, 1)
		require.Contains(t, got.body, iTwinID)
		requirePlatformError(t, env.call(path, acceptV2, ""), http.StatusUnauthorized, "HeaderNotFound")
	}
	requirePlatformError(t, env.call("/imodels?iTwinId=another", acceptV2, token), http.StatusNotFound, "ResourceNotFound")
}

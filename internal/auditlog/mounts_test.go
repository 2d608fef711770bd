package auditlog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

func TestMountsAreFoundByTypeAndNamed(t *testing.T) {
	t.Parallel()
	other, namespaced := read(), read()
	other.MountType, other.Mount, other.Path = "renamed-plugin", "bentley/prod/", "bentley/prod/token"
	namespaced.Mount, namespaced.Path = "ns-itwin/", "ns-itwin/token/viewer"
	inNamespace := strings.Replace(lines(namespaced), `"namespace":{"id":"root"}`, `"namespace":{"id":"x1","path":"team-a/"}`, 1)
	log := lines(read(), other) + inNamespace
	byType := []string{"itwin/ token/viewer", "team-a/ns-itwin/ token/viewer"}
	all := []string{"itwin/ token/viewer", "bentley/prod/ token", "team-a/ns-itwin/ token/viewer"}
	for name, c := range map[string]struct{ mounts, want []string }{
		"by type":                {nil, byType},
		"of another type":        {[]string{"bentley/prod/"}, all},
		"named and by type":      {[]string{"team-a/ns-itwin/"}, byType},
		"none of that name":      {[]string{"twin/"}, byType},
		"not what holds a mount": {[]string{"bentley/"}, byType},
		"nor what is in one":     {[]string{"itwin/token/"}, byType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, stats := scan(t, log, c.mounts...)
			var got, mounts []string
			for _, e := range events {
				got, mounts = append(got, e.Mount+" "+e.Path), append(mounts, e.Mount)
			}
			require.Equal(t, c.want, got)
			require.ElementsMatch(t, mounts, stats.Mounts)
		})
	}
}

func TestMountsOfAVaultThatLogsNoMountPointsMustBeNamed(t *testing.T) {
	t.Parallel()
	log := strings.Replace(lines(read()), `"mount_point":"itwin/",`, "", 1)
	events, stats := scan(t, log)
	require.Empty(t, events)
	require.Empty(t, stats.Mounts)
	events, _ = scan(t, log, "itwin/")
	require.Equal(t, []string{"itwin/", "token/viewer"}, []string{events[0].Mount, events[0].Path})
}

func TestMountWithoutEventsIsListed(t *testing.T) {
	t.Parallel()
	line := read()
	line.Path, line.Token = "itwin/status", ""
	events, stats := scan(t, lines(line))
	require.Empty(t, events)
	require.Equal(t, []string{"itwin/"}, stats.Mounts)
}

func TestMountPath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"team-a/itwin", "/team-a/itwin/"} {
		require.Equal(t, "team-a/itwin/", auditlog.MountPath(name))
	}
}

func TestListOfMountsIsBounded(t *testing.T) {
	t.Parallel()
	all := make([]auditlogtest.Line, 1001)
	for i := range all {
		all[i] = read()
		all[i].Mount = fmt.Sprintf("itwin-%d/", i)
		all[i].Path = all[i].Mount + "token"
	}
	events, stats := scan(t, lines(all...))
	require.Len(t, events, 1001)
	require.Len(t, stats.Mounts, 1000)
}

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	query "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"
)

// readDashboard decodes the example by the schema that Grafana publishes: no field is missing, unknown or of another type,
// down to the options of each panel.
func readDashboard(t *testing.T) grafana.Dashboard { //nolint:staticcheck // its successor is for Grafana 12 and later
	t.Helper()
	schema := cog.NewRuntime()
	schema.RegisterPanelcfgVariant(stat.VariantConfig())
	schema.RegisterPanelcfgVariant(timeseries.VariantConfig())
	schema.RegisterDataqueryVariant(query.VariantConfig())
	var strict, d grafana.Dashboard //nolint:staticcheck // as above
	text := []byte(readExample(t, "monitoring", "dashboard.json"))
	// What it returns is never nil, only empty, which also keeps it from setting the panels.
	require.Empty(t, strict.UnmarshalJSONStrict(text).Error())
	require.NoError(t, json.Unmarshal(text, &d))
	require.NoError(t, d.Validate())
	require.NotEmpty(t, d.Panels)
	return d
}

func TestDashboardIsWhatGrafanaImports(t *testing.T) {
	t.Parallel()
	kind, uid := "prometheus", "${datasource}"
	chosen := &common.DataSourceRef{Type: &kind, Uid: &uid}
	taken := make(map[[2]uint32]string) // which panel covers each cell of Grafana's grid
	for _, p := range readDashboard(t).Panels {
		title, at := *p.Panel.Title, p.Panel.GridPos
		require.Equal(t, chosen, p.Panel.Datasource, title)
		require.LessOrEqual(t, at.X+at.W, uint32(24), title)
		for x := range at.W {
			for y := range at.H {
				cell := [2]uint32{at.X + x, at.Y + y}
				require.Emptyf(t, taken[cell], "%s covers it", title)
				taken[cell] = title
			}
		}
		for _, target := range p.Panel.Targets {
			require.Equal(t, chosen, target.(*query.Dataquery).Datasource, title)
		}
	}
}

package e2e

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	query "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"
)

// dashboard is what the tests look at of Grafana's JSON.
type dashboard struct {
	Title         string
	UID           string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               source
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		RefID, Expr string
		Datasource  source
	}
}

type source struct{ Type, UID string }

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	require.NoError(t, json.Unmarshal([]byte(readExample(t, "monitoring", "dashboard.json")), &d))
	return d
}

// expressions are those of each panel, by its title.
func (d dashboard) expressions() map[string][]string {
	all := make(map[string][]string)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[p.Title] = append(all[p.Title], target.Expr)
		}
	}
	return all
}

// TestDashboardFollowsGrafanasSchema decodes it by the schema that Grafana publishes: no field is missing, unknown or of
// another type, down to the options of each panel.
func TestDashboardFollowsGrafanasSchema(t *testing.T) {
	t.Parallel()
	schema := cog.NewRuntime()
	schema.RegisterPanelcfgVariant(stat.VariantConfig())
	schema.RegisterPanelcfgVariant(timeseries.VariantConfig())
	schema.RegisterDataqueryVariant(query.VariantConfig())
	var d grafana.Dashboard //nolint:staticcheck // its successor is for Grafana 12 and later
	// What it returns is never nil, only empty.
	require.Empty(t, d.UnmarshalJSONStrict([]byte(readExample(t, "monitoring", "dashboard.json"))).Error())
	require.NoError(t, d.Validate())
	require.NotEmpty(t, d.Panels)
}

func TestDashboardIsWhatGrafanaImports(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	require.NotEmpty(t, d.Title)
	require.NotEmpty(t, d.UID)
	require.GreaterOrEqual(t, d.SchemaVersion, 38, "Grafana 10's")
	kinds := make(map[string]string)
	for _, variable := range d.Templating.List {
		kinds[variable.Name] = variable.Type
	}
	require.Equal(t, map[string]string{"datasource": "datasource", "mount": "query", "app": "query"}, kinds)
	require.NotEmpty(t, d.Panels)
	ids, taken := make(map[int]bool), make(map[[2]int]string)
	for _, p := range d.Panels {
		require.Falsef(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		requirePanel(t, p, kinds)
		p.place(t, taken)
	}
}

// place takes the cells of Grafana's grid that a panel covers.
func (p panel) place(t *testing.T, taken map[[2]int]string) {
	t.Helper()
	for x := range p.GridPos.W {
		for y := range p.GridPos.H {
			cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
			require.Emptyf(t, taken[cell], "%s covers it", p.Title)
			taken[cell] = p.Title
		}
	}
}

func requirePanel(t *testing.T, p panel, variables map[string]string) {
	t.Helper()
	chosen := source{Type: "prometheus", UID: "${datasource}"}
	require.Contains(t, []string{"stat", "timeseries"}, p.Type, p.Title)
	require.NotEmpty(t, p.Description, p.Title)
	require.Equal(t, chosen, p.Datasource, p.Title)
	require.Positive(t, p.GridPos.W*p.GridPos.H, p.Title)
	require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
	require.NotEmpty(t, p.Targets, p.Title)
	refs := make(map[string]bool)
	for _, target := range p.Targets {
		require.Falsef(t, refs[target.RefID], "%s has two targets %s", p.Title, target.RefID)
		refs[target.RefID] = true
		require.Equal(t, chosen, target.Datasource, p.Title)
		for _, used := range regexp.MustCompile(`\$([a-z]\w*)`).FindAllStringSubmatch(target.Expr, -1) {
			require.Contains(t, variables, used[1], p.Title)
		}
	}
}

package bench

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	roleCount  = 10_000
	scopeCount = 100
)

// manyRoles compares reads of ten thousand roles with reads of one.
func manyRoles(t *testing.T, vault *stage, results *table) {
	t.Helper()
	ims := startIMS(t, time.Hour)
	vault.mount(t, "roles", ims)
	residentBefore := vault.resident(t)
	var writes []vegeta.Target
	var paths []string
	for i := range roleCount {
		scopes := fmt.Sprintf(`{"scopes": %q}`, scopeOf(i))
		writes = append(writes, vault.target(http.MethodPut, "roles/role/"+roleName(i), scopes))
		paths = append(paths, "roles/token/"+roleName(i))
	}
	c := vault.client(t, 8)
	c.do(t, plan{vegeta.NewStaticTargeter(writes...), atOnce(roleCount), 0})
	before := ims.Exchanges()
	c.do(t, plan{vault.reads(paths...), atOnce(roleCount), 0})
	exchanges := ims.Exchanges() - before
	got := c.versus(t, rounds,
		plan{vault.reads(paths...), asFastAsPossible(), roundTime}, plan{vault.reads(paths[0]), asFastAsPossible(), roundTime})

	const name = "10,000 roles over 100 scope sets"
	results.figure(name+": exchanges", exactly(scopeCount), float64(exchanges), "", "every role read")
	results.ratio(name+": rate / one role's", atLeast(0.95), got.ratio(rate), got.show("%.0f reads/s, one role %.0f", rate))
	results.figure(name+": the plugin's process", target{}, vault.resident(t), "MiB",
		fmt.Sprintf("resident, roles and working memory; %.0f MiB before there were any", residentBefore))
}

// roleName is as long for every role.
func roleName(i int) string { return fmt.Sprintf("role-%05d", i) }

// scopeOf spreads roles evenly over the scopes.
func scopeOf(role int) string { return fmt.Sprintf("scope-%02d:read", role%scopeCount) }

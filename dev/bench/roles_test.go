package bench

import (
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-itwin/dev/bench/measure"
	"vault-plugin-secrets-itwin/dev/bench/report"
)

const (
	roleCount  = 10_000
	scopeCount = 100
)

// manyRoles compares reads of ten thousand roles with reads of one.
func manyRoles(b *testing.B, vault *stage, table *report.Table) {
	b.Helper()
	ims := startIMS(b, time.Hour, append(roleScopes(), defaultScope)...)
	vault.mount(b, "roles", ims)
	residentBefore := vault.resident(b)
	forEach(b, roleNames(), func(name string) error {
		_, err := vault.root.Logical().Write("roles/role/"+name, map[string]any{"scopes": scopeOf(name)})
		return err
	})
	before := ims.Exchanges()
	var paths []string
	for _, name := range roleNames() {
		paths = append(paths, "roles/token/"+name)
	}
	forEach(b, paths, func(path string) error {
		_, err := vault.root.Logical().Read(path)
		return err
	})
	exchanges := ims.Exchanges() - before

	all := measure.Plan{Path: inTurn(paths), Duration: roundTime}
	one := measure.Plan{Path: inTurn(paths[:1]), Duration: roundTime}
	pairs := vault.versus(b, vault.client(b, 8), rounds, all, one)

	const name = "10,000 roles over 100 scope sets"
	table.Count(name+": exchanges", scopeCount, exchanges, "every role read")
	table.AtLeast(name+": rate / one role's", 0.95, measure.Ratios(pairs, measure.Load.Rate), rates(pairs, "one role"))
	table.Figure(name+": the plugin's process", mebibytes(vault.resident(b)),
		"resident, roles and working memory; "+mebibytes(residentBefore)+" before there were any")
}

// roleNames are all of one length.
func roleNames() []string {
	names := make([]string, roleCount)
	for i := range names {
		names[i] = fmt.Sprintf("role-%05d", i)
	}
	return names
}

func roleScopes() []string {
	scopes := make([]string, scopeCount)
	for i := range scopes {
		scopes[i] = fmt.Sprintf("scope-%02d:read", i)
	}
	return scopes
}

// scopeOf spreads roles evenly over the scopes, by the last two digits of their names.
func scopeOf(role string) string { return "scope-" + role[len(role)-2:] + ":read" }

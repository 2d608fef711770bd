package supply

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoRevealedSecretIsCompared: secret.Text has no ==, which the compiler sees to, and its Equal takes constant time.
// What is left is a comparison of what Reveal returned, or of a plain string with a secret's name.
func TestNoRevealedSecretIsCompared(t *testing.T) {
	t.Parallel()
	seen := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() && (entry.Name() == "dev" || entry.Name() == "examples" || entry.Name() == ".cache") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		require.NoError(t, err)
		seen++
		for _, at := range comparisons(file) {
			t.Errorf("%s: compare secrets with secret.Text's Equal", files.Position(at))
		}
		return nil
	}))
	require.Greater(t, seen, 40)
}

// comparisons finds those of revealed secrets: by an operator, a switch or a function that stops at a difference.
func comparisons(file *ast.File) []token.Pos {
	var found []token.Pos
	note := func(at ast.Node, parts ...ast.Expr) {
		for _, part := range parts {
			if part != nil && reveals(part) {
				found = append(found, at.Pos())
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				note(n, n.X, n.Y)
				if !empty(n.X) && !empty(n.Y) && (named(n.X) || named(n.Y)) {
					found = append(found, n.Pos())
				}
			}
		case *ast.SwitchStmt:
			note(n, n.Tag)
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.SelectorExpr); ok && stopsEarly(name) {
				note(n, n.Args...)
			}
		}
		return true
	})
	return found
}

func stopsEarly(function *ast.SelectorExpr) bool {
	owner, ok := function.X.(*ast.Ident)
	if !ok || owner.Name != "bytes" && owner.Name != "strings" && owner.Name != "reflect" {
		return false
	}
	switch function.Sel.Name {
	case "Equal", "EqualFold", "Compare", "DeepEqual", "HasPrefix", "HasSuffix":
		return true
	}
	return false
}

// reveals leaves out what package subtle compares.
func reveals(expression ast.Expr) bool {
	if call, ok := expression.(*ast.CallExpr); ok && strings.HasPrefix(types.ExprString(call.Fun), "subtle.") {
		return false
	}
	found := false
	ast.Inspect(expression, func(node ast.Node) bool {
		name, ok := node.(*ast.SelectorExpr)
		found = found || ok && name.Sel.Name == "Reveal"
		return !found
	})
	return found
}

// named says whether an expression is called as a secret is. The compiler has seen to it that it is no secret.Text.
func named(expression ast.Expr) bool {
	field, ok := expression.(*ast.SelectorExpr)
	return ok && (field.Sel.Name == "AccessToken" || field.Sel.Name == "ClientSecret")
}

func empty(expression ast.Expr) bool {
	literal, ok := expression.(*ast.BasicLit)
	return ok && literal.Value == `""`
}

func TestAComparisonOfRevealedSecretsIsFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`a.Reveal() == b`:                                        1,
		`"" != a.b.Reveal()`:                                     1,
		`strings.HasPrefix(a.Reveal(), b)`:                       1,
		`bytes.Equal([]byte(a.Reveal()), b)`:                     1,
		`a.Equal(b)`:                                             0,
		`strings.Split(a.Reveal(), ".") == nil`:                  1,
		`stored.ClientSecret == given`:                           1,
		`stored.AccessToken == ""`:                               0,
		`subtle.ConstantTimeCompare(x, []byte(a.Reveal())) == 1`: 0,
		`use(a.Reveal())`:                                        0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nvar _ = "+text, 0)
		require.NoError(t, err)
		require.Len(t, comparisons(file), want, text)
	}
}

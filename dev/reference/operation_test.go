package reference

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// call is how one of a path's operations is reached from outside. A policy's capability has the operation's name.
type call struct {
	operation logical.Operation
	command   string
	method    string
}

// calls are in the order of the page.
func calls() []call {
	return []call{
		{logical.CreateOperation, "vault write itwin/PATH <field>=…", http.MethodPost},
		{logical.ReadOperation, "vault read itwin/PATH", http.MethodGet},
		{logical.UpdateOperation, "vault write itwin/PATH <field>=…", http.MethodPost},
		{logical.PatchOperation, "vault patch itwin/PATH <field>=…", http.MethodPatch},
		{logical.DeleteOperation, "vault delete itwin/PATH", http.MethodDelete},
		{logical.ListOperation, "vault list itwin/PATH", "LIST"},
	}
}

// special are the commands that need other fields, or a flag without which nobody can read the answer. Tests run them all.
func special() map[string]string {
	return map[string]string{
		"create config":     "vault write itwin/config client_id=… client_secret=@file",
		"update token":      "vault write itwin/token min_ttl=…",
		"update rotate":     "vault write -f itwin/rotate",
		"read check":        "vault read -format=yaml itwin/check",
		"update introspect": "vault write -format=yaml itwin/introspect token=@file",
		"read status":       "vault read -format=yaml itwin/status",
		"read metrics":      "vault read -format=raw itwin/metrics",
	}
}

// operation is a row of a section's first table.
type operation struct {
	Summary    string
	Command    string
	Method     string
	Capability logical.Operation
}

func newOperation(how call, path *framework.Path) operation {
	return operation{
		Summary: path.Operations[how.operation].Properties().Summary,
		Command: cmp.Or(special()[string(how.operation)+" "+shown(path)], strings.Replace(how.command, "PATH", shown(path), 1)),
		Method:  how.method, Capability: how.operation,
	}
}

// answer is what operations return.
type answer struct {
	To   []logical.Operation
	Text string
	// Asked are the fields that mean what they mean in the request; they need no second description.
	Asked  []string
	Fields []field
}

// addAnswer gives an answer that is there already to one more operation.
func (s *section) addAnswer(to logical.Operation, path *framework.Path) {
	for _, response := range path.Operations[to].Properties().Responses[http.StatusOK] {
		at := slices.IndexFunc(s.Answers, func(a answer) bool { return a.Text == response.Description })
		if at >= 0 {
			s.Answers[at].To = append(s.Answers[at].To, to)
			continue
		}
		a := answer{To: []logical.Operation{to}, Text: response.Description}
		for _, name := range slices.Sorted(maps.Keys(response.Fields)) {
			f := describe(name, response.Fields[name])
			if !response.Fields[name].Required {
				f.Type += ", may be absent"
			}
			if schema := path.Fields[name]; schema != nil {
				before := describe(name, schema)
				if f == before {
					a.Asked = append(a.Asked, name)
					continue
				}
				if rest, found := strings.CutPrefix(f.Description, before.Description); found {
					f.Description = "As above." + rest
				}
			}
			a.Fields = append(a.Fields, f)
		}
		s.Answers = append(s.Answers, a)
	}
}

package reference

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// answer is what operations return.
type answer struct {
	To   []string
	Text string
	// Asked are the fields that mean what they mean in the request; they need no second description.
	Asked  []string
	Fields []field
}

// answersOf are those with content.
func answersOf(c call, m member) []answer {
	var all []answer
	for _, response := range m.Operations[c.operation].Properties().Responses[http.StatusOK] {
		a := answer{To: []string{string(c.operation)}, Text: response.Description}
		for _, name := range slices.Sorted(maps.Keys(response.Fields)) {
			f := describe(name, response.Fields[name])
			if !response.Fields[name].Required {
				f.Type += ", may be absent"
			}
			if schema := m.Fields[name]; schema != nil {
				asked := describe(name, schema)
				if f == asked {
					a.Asked = append(a.Asked, name)
					continue
				}
				if rest, found := strings.CutPrefix(f.Description, asked.Description); found {
					f.Description = "As above." + rest
				}
			}
			a.Fields = append(a.Fields, f)
		}
		all = append(all, a)
	}
	return all
}

// same says whether two answers differ in their operations alone.
func (a answer) same(other answer) bool {
	return a.Text == other.Text && slices.Equal(a.Asked, other.Asked) && slices.Equal(a.Fields, other.Fields)
}

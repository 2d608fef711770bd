package reference

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
)

// section is what the page says of the paths that begin with one word, such as config and config/<app>. What they have
// in common stands there once.
type section struct {
	Name       string
	Paths      []string
	Synopses   []string
	Operations []operation
	Fields     []field
	Answers    []answer
}

// member is one of a section's paths. OpenAPI has the listing of paths under a pattern of its own.
type member struct {
	*framework.Path

	shown string
	lists bool
}

// sections are in the order in which an operator meets them; what has no place in it follows by name.
func (p *plugin) sections() []*section {
	members := make(map[string][]member)
	for _, pattern := range slices.Sorted(maps.Keys(p.document.Paths)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
		members[name] = append(members[name], member{
			Path:  p.Route(strings.NewReplacer("{", "", "}", "").Replace(strings.TrimPrefix(pattern, "/"))),
			shown: strings.NewReplacer("{", "<", "}", ">").Replace(strings.Trim(pattern, "/")),
			lists: strings.HasSuffix(pattern, "/"),
		})
	}
	order := []string{"config", "role", "token", "rotate", "check", "introspect", "status", "metrics"}
	place := func(name string) int {
		if at := slices.Index(order, name); at >= 0 {
			return at
		}
		return len(order)
	}
	var all []*section
	for _, name := range slices.SortedFunc(maps.Keys(members), func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	}) {
		all = append(all, newSection(name, members[name]))
	}
	return all
}

func newSection(name string, members []member) *section {
	s := &section{Name: name}
	for _, m := range members {
		if !m.lists {
			s.Paths = append(s.Paths, m.shown)
			s.Synopses = union(s.Synopses, m.HelpSynopsis, func(a, b string) bool { return a == b })
		}
		for name := range m.Fields {
			s.Fields = union(s.Fields, newField(m.Path, name), func(a, b field) bool { return a == b })
		}
	}
	slices.SortFunc(s.Fields, field.compare)
	for _, c := range calls() {
		for _, m := range members {
			if handler := m.Operations[c.operation]; handler != nil {
				s.Operations = union(s.Operations, newOperation(c, m), operation.same)
				s.addAnswers(answersOf(c, m))
			}
		}
	}
	return s
}

// addAnswers gives an answer that is there already to one more operation.
func (s *section) addAnswers(more []answer) {
	for _, one := range more {
		at := slices.IndexFunc(s.Answers, one.same)
		if at < 0 {
			s.Answers = append(s.Answers, one)
			continue
		}
		known := &s.Answers[at]
		known.To = union(known.To, one.To[0], func(a, b string) bool { return a == b })
	}
}

// union adds what isn't there yet.
func union[T any](all []T, one T, same func(a, b T) bool) []T {
	if slices.ContainsFunc(all, func(known T) bool { return same(known, one) }) {
		return all
	}
	return append(all, one)
}

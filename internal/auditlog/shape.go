package auditlog

import "reflect"

// shape describes the JSON to pick: an object with these members, an array of these elements,
// or else a string, an integer or a boolean.
type shape struct {
	members map[string]member
	element *shape
}

// member is the struct field that an object's member is read into.
type member struct {
	index int
	shape *shape
}

// shapeOf derives the shape from the tags of a type.
func shapeOf(t reflect.Type) *shape {
	switch t.Kind() {
	case reflect.Pointer:
		return shapeOf(t.Elem())
	case reflect.Slice:
		return &shape{element: shapeOf(t.Elem())}
	case reflect.Struct:
		s := &shape{members: make(map[string]member)}
		for i := range t.NumField() {
			if name := t.Field(i).Tag.Get("json"); name != "" {
				s.members[name] = member{i, shapeOf(t.Field(i).Type)}
			}
		}
		return s
	default:
		return &shape{}
	}
}

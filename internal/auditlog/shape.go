package auditlog

import "reflect"

// shape is what JSON that is of use looks like: an object of these members, an array of
// these elements, or else a string, a whole number or a truth value.
type shape struct {
	members map[string]member
	element *shape
}

// member is a field of a struct that an object's member is read into.
type member struct {
	index int
	shape *shape
}

// shapeOf reads the shape off the tags of a type.
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

package auditlog

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxKept, in bytes, is how much of a string is kept: more than maxText, even if each character is
	// written as \u003c.
	maxKept = 8 << 10
	// maxPicked, in bytes, is more than all picked fields take.
	maxPicked = 1 << 20
	// maxName, in bytes, is longer than any picked name or number.
	maxName = 64
)

var (
	errSyntax  = errors.New("not a complete JSON object")
	errTooMuch = errors.New("too many values in the picked fields")
)

// picker reads the members of a JSON object that a struct has fields for. Callers of Vault
// choose how many others there are and how deeply they nest: Vault logs the names in a body
// in the clear, and again in its warnings, so a line can be many times as long as the
// request. The picker only skips the others: it neither keeps nor validates them.
//
// Names must match exactly, as they must in Vault. In encoding/json, "to\u212aen" with a Kelvin
// sign would match "token".
type picker struct {
	of     *shape
	lines  *lineReader
	piece  []byte // the unread rest of the current piece
	unit   [6]byte
	name   []byte
	kept   []byte
	picked int // bytes
}

// pick reads a line, starting with piece, to its end. On an error, into holds what came before it.
func (p *picker) pick(piece []byte, lines *lineReader, into *entry) error {
	p.piece, p.lines, p.picked = piece, lines, 0
	err := p.value(p.of, reflect.ValueOf(into).Elem())
	if err == nil && p.peek() != 0 {
		err = errSyntax
	}
	return err
}

// value reads a value if it has the shape, and skips it otherwise. That isn't an error, or
// a caller could avoid detection by sending another shape.
func (p *picker) value(s *shape, into reflect.Value) error {
	switch first := p.peek(); {
	case first == '{' && s.members != nil:
		if into.Kind() == reflect.Pointer {
			if into.IsNil() {
				into.Set(reflect.New(into.Type().Elem()))
			}
			into = into.Elem()
		}
		return p.items('}', func() error { return p.member(s, into) })
	case first == '[' && s.element != nil:
		return p.items(']', func() error { return p.element(s, into) })
	case first == '"' && into.Kind() == reflect.String:
		return p.string(into)
	case first != '{' && first != '[' && first != '"':
		return p.literal(into)
	}
	return p.skip()
}

// items reads the items of an object or array, up to its end.
func (p *picker) items(end byte, item func() error) error {
	p.take()
	if p.peek() == end {
		p.take()
		return nil
	}
	for {
		if p.picked > maxPicked {
			return errTooMuch
		}
		if err := item(); err != nil {
			return err
		}
		switch p.peek() {
		case end:
			p.take()
			return nil
		case ',':
			p.take()
		default:
			return errSyntax
		}
	}
}

func (p *picker) member(s *shape, into reflect.Value) error {
	if p.peek() != '"' {
		return errSyntax
	}
	var err error
	if p.name, err = p.text(p.name[:0], maxName); err != nil {
		return err
	}
	if p.peek() != ':' {
		return errSyntax
	}
	p.take()
	if m, ok := s.members[string(p.name)]; ok {
		return p.value(m.shape, into.Field(m.index))
	}
	return p.skip()
}

func (p *picker) element(s *shape, into reflect.Value) error {
	n := into.Len()
	into.Grow(1)
	into.SetLen(n + 1)
	p.picked += int(into.Type().Elem().Size())
	return p.value(s.element, into.Index(n))
}

// string reads a string, or the start of a long one. One that doesn't end is discarded, since
// the start of a name may be another name.
func (p *picker) string(into reflect.Value) (err error) {
	if p.kept, err = p.text(append(p.kept[:0], '"'), maxKept); err != nil {
		return err
	}
	p.picked += len(p.kept)
	text := string(p.kept[1:])
	if strings.Contains(text, `\`) || !utf8.ValidString(text) {
		if json.Unmarshal(append(p.kept, '"'), &text) != nil {
			return errSyntax
		}
	}
	into.SetString(text)
	return nil
}

// literal reads an integer or a boolean.
func (p *picker) literal(into reflect.Value) (err error) {
	if p.kept, err = p.word(p.kept[:0], maxName); err != nil {
		return err
	}
	switch into.Kind() {
	case reflect.Bool:
		into.SetBool(string(p.kept) == "true")
	case reflect.Int64:
		if n, err := strconv.ParseInt(string(p.kept), 10, 64); err == nil {
			into.SetInt(n)
		}
	default: // another type than expected
	}
	return nil
}

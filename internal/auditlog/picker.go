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
	// maxKept, in bytes, is how much of a string is kept: more than an event shows of one, were each character
	// written as \u003c.
	maxKept = 8 << 10
	// maxPicked, in bytes, is more than all fields of use come to.
	maxPicked = 1 << 20
	// maxName, in bytes, is more than the longest name of a field of use, or a number.
	maxName = 64
)

var (
	errSyntax  = errors.New("no JSON object, or not a whole one")
	errTooMuch = errors.New("too much of what is of use")
)

// picker reads those members of a JSON object that a struct has fields for. Whoever makes
// a request chooses how many others there are, and how deep they go: Vault logs the names
// in a body in clear, and again in its warnings, so that a line may be many times as long
// as the request. What isn't picked is neither held nor checked, but for where it ends.
//
// Unlike for encoding/json, names must be spelled exactly, as they must for Vault: there,
// "toKen" with a Kelvin sign is "token" too.
type picker struct {
	of     *shape
	lines  *lineReader
	piece  []byte // what is to be read of the line's last piece
	unit   [6]byte
	name   []byte
	kept   []byte
	picked int // bytes
}

// pick reads a line from a piece on to its end. What came before an error has been read.
func (p *picker) pick(piece []byte, lines *lineReader, into *entry) error {
	p.piece, p.lines, p.picked = piece, lines, 0
	err := p.value(p.of, reflect.ValueOf(into).Elem())
	if err == nil && p.peek() != 0 {
		err = errSyntax
	}
	return err
}

// value reads a value if it has the shape. Callers shape request bodies freely: another is
// no error, or a reader could keep out of sight by sending one.
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
	return p.leaveOut()
}

// items reads what is in an object or array, up to its end.
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
	return p.leaveOut()
}

func (p *picker) element(s *shape, into reflect.Value) error {
	n := into.Len()
	into.Grow(1)
	into.SetLen(n + 1)
	p.picked += int(into.Type().Elem().Size())
	return p.value(s.element, into.Index(n))
}

// string reads a string, or the beginning of a long one. One that doesn't end is none: the
// beginning of a name may be another's.
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

// literal reads a whole number or truth value.
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

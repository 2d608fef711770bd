// Package secret defines a string that can't be shown by accident.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what all printing and encoding shows.
const redacted = "[redacted]"

// Text is a string that can't print itself: under every verb of fmt, and in
// JSON, YAML, slog and hclog, it shows as "[redacted]"; gob refuses it. It can't
// be decoded either: code that stores one must call Reveal explicitly. The zero Text is
// the empty string.
type Text struct {
	// Prevents ==, which would compare addresses: use Equal.
	_ [0]func()
	// A pointer, because fmt prints unexported fields of other structs by reflection,
	// without calling their methods; a pointer then shows as an address.
	value *string
}

// New returns a Text that holds value.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{value: &value}
}

// Reveal returns the string itself. Each call is a place to review.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// IsZero reports whether t is the empty string.
func (t Text) IsZero() bool {
	return t.value == nil
}

// Equal reports whether both hold the same string, in a time that depends only on their
// lengths.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String implements fmt.Stringer, for direct callers.
func (t Text) String() string {
	return redacted
}

// Format implements fmt.Formatter, so that no verb looks inside.
func (t Text) Format(f fmt.State, _ rune) {
	// A fmt.State has nowhere to report a write error to.
	_, _ = io.WriteString(f, redacted)
}

// MarshalText implements encoding.TextMarshaler, which JSON, YAML and XML encoders use.
func (t Text) MarshalText() ([]byte, error) {
	return []byte(redacted), nil
}

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value {
	return slog.StringValue(redacted)
}

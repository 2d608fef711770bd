// Package secret owns the type of a string that must never be shown. It knows
// nothing of where such a string comes from or what it opens.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every print and every encoder shows.
const redacted = "[redacted]"

// Text is a string that can't print itself: under every verb of fmt, and in
// JSON, YAML, slog and hclog, it shows as "[redacted]"; gob refuses it. It can't
// be decoded either: whoever stores one reveals it there on purpose. The zero
// Text is the empty string.
type Text struct {
	// Two Texts are compared with Equal alone: == would compare addresses.
	_ [0]func()
	// fmt prints an unexported field of someone else's struct by reflection,
	// without asking its methods; a pointer shows as an address then.
	value *string
}

// New returns value as a Text.
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

// Equal reports whether both hold the same string, in a time that depends on
// their lengths alone.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String implements fmt.Stringer, for those who call it directly.
func (t Text) String() string {
	return redacted
}

// Format implements fmt.Formatter, so that no verb looks inside.
func (t Text) Format(f fmt.State, _ rune) {
	// A fmt.State has nowhere to report a write error to.
	_, _ = io.WriteString(f, redacted)
}

// MarshalText implements encoding.TextMarshaler, which JSON, YAML and XML ask for.
func (t Text) MarshalText() ([]byte, error) {
	return []byte(redacted), nil
}

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value {
	return slog.StringValue(redacted)
}

// Package input normalizes the values of a request. It knows how people and programs
// write values, not what the values are for. Its errors complete a sentence that starts
// with a field's name. They describe what is wrong and where, and never quote a value,
// which may be a secret.
package input

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is the rule for a string field. The zero Text allows one line of visible characters.
type Text struct {
	ASCII bool // printable ASCII only, as RFC 6749 appendix A requires for credentials
	File  bool // any characters; a final line break is kept
	List  bool // a list of strings is allowed as well
	Free  bool // not chosen by people, so it may look like a Leftover

	// Pasted returns an error for a value that is clearly something else. It is called
	// first, because its hint is more precise.
	Pasted func(raw string) error
}

// Read accepts a string, and a list of strings if List is set. It returns a string, a
// []string, or nil for an empty list, which means the default, like an empty string.
func (t Text) Read(raw any) (any, error) {
	switch v := raw.(type) {
	case string:
		return t.read(v)
	case []string:
		return t.readList(v)
	case []any:
		texts := make([]string, len(v))
		for i, element := range v {
			text, ok := element.(string)
			if !ok {
				return nil, t.mistyped()
			}
			texts[i] = text
		}
		return t.readList(texts)
	}
	return nil, t.mistyped()
}

func (t Text) mistyped() error {
	if t.List {
		return errors.New("must be a string or a list of strings")
	}
	return errors.New("must be a string")
}

func (t Text) readList(list []string) (any, error) {
	switch {
	case !t.List:
		return nil, t.mistyped()
	case len(list) == 0:
		return nil, nil
	}
	texts := make([]string, len(list))
	for i, raw := range list {
		text, err := t.read(raw)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

func (t Text) read(raw string) (string, error) {
	if t.Pasted != nil {
		if err := t.Pasted(raw); err != nil {
			return "", err
		}
	}
	if t.File {
		return raw, nil
	}
	text := Line(raw)
	position := 0
	for _, char := range text {
		position++
		if kind := t.refusal(char); kind != "" {
			return "", fmt.Errorf("has %s (character %d)", kind, position)
		}
	}
	if leftover := Leftover(text); leftover != "" && !t.Free {
		return "", errors.New(leftover)
	}
	return text, nil
}

// refusal describes a character that isn't allowed, or returns "" if it is.
func (t Text) refusal(char rune) string {
	switch {
	case char == '\uFEFF':
		return "a byte order mark, which some editors add: save the file without it"
	case char == '\n', char == '\r':
		return "a line break"
	case char == utf8.RuneError: // JSON decoders replace invalid UTF-8 with it
		return "a character that isn't UTF-8"
	case unicode.IsControl(char):
		return "a control character"
	case !unicode.IsGraphic(char), unicode.IsSpace(char) && char != ' ':
		return "an invisible character"
	case t.ASCII && char > unicode.MaxASCII:
		return "a character outside ASCII"
	}
	return ""
}

// Line drops one final line break, \n or \r\n, which files end with.
func Line(text string) string {
	if line, found := strings.CutSuffix(text, "\n"); found {
		return strings.TrimSuffix(line, "\r")
	}
	return text
}

// Bool accepts a bool or its text. It returns a bool, or nil for an empty string: an
// unset variable must not turn anything off.
func Bool(raw any) (any, error) {
	switch v := raw.(type) {
	case bool:
		return v, nil
	case string:
		text, err := Text{}.read(v)
		if err != nil || text == "" {
			return nil, err
		}
		if value, err := strconv.ParseBool(text); err == nil {
			return value, nil
		}
	}
	return nil, errors.New("must be true or false")
}

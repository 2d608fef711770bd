// Package input turns the values of a request into what their senders meant. It
// knows how people and programs spell values, not what the values are for. Its
// errors complete a sentence that begins with the name of a field; they name the
// kind and the place of what is wrong and never quote a value, which may be a secret.
package input

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text says what a text may hold. The zero Text is one line of visible characters.
type Text struct {
	ASCII bool // printable ASCII only, as RFC 6749 appendix A has it for credentials
	File  bool // anything, and the line break at the end is kept
	List  bool // a list of texts is taken as well
	Free  bool // people don't choose it, so that it may look like a Leftover

	// Pasted returns an error for a text that is known to be something else. It is
	// asked first, as its hint is the more precise one.
	Pasted func(raw string) error
}

// Read takes a string, and a list of strings if List is set. It returns a string, a
// []string, or nil for an empty list, which means the default as an empty text does.
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
		return errors.New("must be text or a list of texts")
	}
	return errors.New("must be text")
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
		if kind := t.oddity(char); kind != "" {
			return "", fmt.Errorf("has %s (character %d)", kind, position)
		}
	}
	if leftover := Leftover(text); leftover != "" && !t.Free {
		return "", errors.New(leftover)
	}
	return text, nil
}

// oddity names the kind of a character that isn't allowed.
func (t Text) oddity(char rune) string {
	switch {
	case char == '\uFEFF':
		return "a byte order mark, as some editors put into files: save the file without it"
	case char == '\n', char == '\r':
		return "a line break"
	case char == utf8.RuneError: // what JSON decoders put in place of other encodings
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

// Line drops one line break at the end, \n or \r\n, as files have it.
func Line(text string) string {
	if line, found := strings.CutSuffix(text, "\n"); found {
		return strings.TrimSuffix(line, "\r")
	}
	return text
}

// Bool takes a bool, or the text of one. It returns a bool, or nil for an empty
// text: a variable that isn't set must not switch anything off.
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

package auditlog

// A picker reads byte by byte, since any two bytes may be in different pieces.

// peek skips white space and returns the next byte, or 0 at the end of the line.
func (p *picker) peek() byte {
	for p.fill() {
		switch next := p.piece[0]; next {
		case ' ', '\t', '\r', '\n':
			p.take()
		default:
			return next
		}
	}
	return 0
}

// fill makes a byte available, unless the line ends.
func (p *picker) fill() bool {
	for len(p.piece) == 0 && p.lines.continues() {
		p.piece = p.lines.next()
	}
	return len(p.piece) > 0
}

// take consumes a byte.
func (p *picker) take() { p.piece = p.piece[1:] }

// text reads a string and appends up to keep bytes of its content.
func (p *picker) text(to []byte, keep int) ([]byte, error) {
	end := len(to) + keep
	p.take()
	for p.fill() {
		plain := p.plain()
		to = append(to, plain[:min(len(plain), max(0, end-len(to)))]...)
		switch {
		case len(p.piece) == 0: // the string continues in the next piece
		case p.piece[0] == '"':
			p.take()
			return to, nil
		case p.piece[0] == '\\':
			if escape := p.escape(); len(to) < end {
				to = append(to, escape...)
			}
		default:
			return to, errSyntax
		}
	}
	return to, errSyntax
}

// plain consumes a string's bytes up to its end, an escape, an invalid byte or the end of
// the piece.
func (p *picker) plain() []byte {
	whole := p.piece
	for i, b := range whole {
		if b == '"' || b == '\\' || b < ' ' {
			p.piece = whole[i:]
			return whole[:i]
		}
	}
	p.piece = nil
	return whole
}

// escape consumes an escape. The result is valid until the next call.
func (p *picker) escape() []byte {
	length, whole := len(`\n`), p.unit[:0]
	for len(whole) < length && p.fill() {
		next := p.piece[0]
		if len(whole) == 1 && next == 'u' {
			length = len(`\u0000`)
		}
		whole = append(whole, next)
		p.take()
	}
	return whole
}

// word reads a number, a boolean or null and appends up to keep bytes of it.
func (p *picker) word(to []byte, keep int) ([]byte, error) {
	err := errSyntax
	for p.fill() && inWord(p.piece[0]) {
		if keep > 0 {
			to = append(to, p.piece[0])
			keep--
		}
		p.take()
		err = nil
	}
	return to, err
}

func inWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b == '-' || b == '+' || b == '.' || b == 'E'
}

// skip skips a value of any depth.
func (p *picker) skip() error {
	for depth := 0; ; {
		var err error
		switch next := p.peek(); next {
		case '{', '[':
			depth++
			p.take()
		case '}', ']':
			depth--
			p.take()
		case ',', ':':
			p.take()
		case '"':
			_, err = p.text(nil, 0)
		default:
			_, err = p.word(nil, 0)
		}
		if err != nil || depth < 0 {
			return errSyntax
		}
		if depth == 0 {
			return nil
		}
	}
}

package auditlog

// This file is how a picker reads: byte by byte, as any two may be in different pieces.

// peek passes over white space and looks at the next byte, which is 0 at the line's end.
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

// fill sees to it that there is a byte to look at, unless the line ends.
func (p *picker) fill() bool {
	for len(p.piece) == 0 && p.lines.goesOn() {
		p.piece = p.lines.next()
	}
	return len(p.piece) > 0
}

// take goes on by the byte that was looked at.
func (p *picker) take() { p.piece = p.piece[1:] }

// text reads a string and appends what is between its quotes, but no more than keep bytes.
func (p *picker) text(to []byte, keep int) ([]byte, error) {
	end := len(to) + keep
	p.take()
	for p.fill() {
		plain := p.plain()
		to = append(to, plain[:min(len(plain), max(0, end-len(to)))]...)
		switch {
		case len(p.piece) == 0: // the string goes on in the next one
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

// plain takes a string's bytes up to its end, an escape, what may not be in one, or the
// end of the piece.
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

// escape takes a whole escape, good until the next one.
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

// word reads a number, a truth value or null and appends no more than keep bytes of it.
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

// leaveOut passes over a value, however deep.
func (p *picker) leaveOut() error {
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

package auditlog

import (
	"bufio"
	"errors"
)

// lineReader hands out lines from one buffer: whole, or in pieces where they are
// longer than it. So lines may be of any length.
type lineReader struct {
	from *bufio.Reader
	err  error // what ended the last piece: nil is a line's end, bufio.ErrBufferFull the buffer's
}

// next returns a piece that is good until the call after it.
func (l *lineReader) next() []byte {
	piece, err := l.from.ReadSlice('\n')
	l.err = err
	return piece
}

// goesOn tells whether the line has more pieces.
func (l *lineReader) goesOn() bool { return errors.Is(l.err, bufio.ErrBufferFull) }

// pass goes on to the line's end.
func (l *lineReader) pass() {
	for l.goesOn() {
		l.next()
	}
}

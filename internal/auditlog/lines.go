package auditlog

import (
	"bufio"
	"errors"
)

// lineReader returns lines from one buffer. It returns longer lines in pieces, so that
// lines can have any length.
type lineReader struct {
	from *bufio.Reader
	err  error // what ended the piece: nil for the end of a line, bufio.ErrBufferFull for the end of the buffer
}

// next returns a piece that is valid until the next call.
func (l *lineReader) next() []byte {
	piece, err := l.from.ReadSlice('\n')
	l.err = err
	return piece
}

// continues reports whether the line has more pieces.
func (l *lineReader) continues() bool { return errors.Is(l.err, bufio.ErrBufferFull) }

// skip skips to the end of the line.
func (l *lineReader) skip() {
	for l.continues() {
		l.next()
	}
}

package auditlog

import (
	"bufio"
	"errors"
)

// errLineTooLong comes with no line; the next call goes on after it.
var errLineTooLong = errors.New("line too long")

// lineReader hands out lines from one buffer. Unlike bufio.Scanner it goes on after
// a line that is too long.
type lineReader struct {
	from *bufio.Reader
	long []byte
}

// next returns a line that is good until the call after it, io.EOF with the last one.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.from.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	l.long = l.long[:0]
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if tooLong = tooLong || len(l.long)+len(line) > maxLine; !tooLong {
			l.long = append(l.long, line...)
		}
		line, err = l.from.ReadSlice('\n')
	}
	if tooLong && err == nil {
		return nil, errLineTooLong
	}
	return append(l.long, line...), err
}

package auditlog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

const (
	bufferSize = 256 << 10
	// maxMounts bounds the list of mounts.
	maxMounts = 1000
	// maxLine, in bytes, bounds memory. It is twice what Vault takes for a request by default, numbers being in clear.
	maxLine = 64 << 20
)

// Stats are figures of what was read so far.
type Stats struct {
	Lines   int64 `json:"lines"`   // all, damaged ones included
	Damaged int64 `json:"damaged"` // lines that are no whole JSON object, and were skipped
	// Mounts are those that the log has entries of, be they events or not.
	Mounts []string `json:"mounts"`
}

// Scanner reads logs one after the other.
type Scanner struct {
	mounts Mounts
	seen   map[string]bool
	stats  Stats
}

// NewScanner returns a scanner for the entries of the mounts.
func NewScanner(mounts Mounts) *Scanner { return &Scanner{mounts: mounts, seen: make(map[string]bool)} }

// Stats are the figures of all that was scanned.
func (s *Scanner) Stats() Stats {
	stats := s.stats
	stats.Mounts = slices.Sorted(maps.Keys(s.seen))
	return stats
}

// Scan reads a log, gzipped or not, to its end and hands each event to use, in the
// log's order. Lines are JSON objects; anything before the first brace is passed over,
// as audit devices and syslog put prefixes there. Only a failing reader, or damaged
// compression, is an error: damaged lines are counted.
func (s *Scanner) Scan(r io.Reader, use func(Event)) error {
	plain, err := decompress(r)
	if err != nil {
		return fmt.Errorf("reading compressed data: %w", err)
	}
	lines := &lineReader{from: plain}
	for {
		line, err := lines.next()
		s.line(bytes.TrimSpace(line), use)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errLineTooLong):
			s.stats.Lines++
			s.stats.Damaged++
		case err != nil:
			return fmt.Errorf("reading line %d: %w", s.stats.Lines+1, err)
		}
	}
}

// decompress looks at the data, not at a name: rotated logs are called anything.
func decompress(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, bufferSize)
	if magic, err := buffered.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return buffered, nil //nolint:nilerr // shorter than two bytes, or failing: the next read tells
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(plain, bufferSize), nil
}

// line counts a line and hands on what it records.
func (s *Scanner) line(line []byte, use func(Event)) {
	if len(line) == 0 {
		return
	}
	s.stats.Lines++
	start := bytes.IndexByte(line, '{')
	if start < 0 || line[len(line)-1] != '}' {
		s.stats.Damaged++
		return
	}
	line = line[start:]
	if !s.mounts.mayConcern(line) {
		return
	}
	var e entry
	if e.decode(line) != nil {
		s.stats.Damaged++
		return
	}
	mount, path, located := s.mounts.locate(&e.Request)
	if located && len(s.seen) < maxMounts {
		s.seen[mount] = true
	}
	if event, ok := e.event(mount, path); ok {
		use(event)
	}
}

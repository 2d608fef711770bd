package auditlog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
)

const (
	bufferSize = 256 << 10
	// maxMounts bounds the list of mounts.
	maxMounts = 1000
)

// Stats counts what has been read so far.
type Stats struct {
	Lines int64 `json:"lines"` // of any kind
	// Damaged counts lines that are not a complete JSON object and were skipped. Damaged lines that may be on a mount
	// are Unreadable events instead.
	Damaged int64 `json:"damaged"`
	// Mounts are the mounts that the log has entries for, even if none of them is an event.
	Mounts []string `json:"mounts"`
}

// Scanner reads logs one after another.
type Scanner struct {
	mounts Mounts
	fields picker
	seen   map[string]bool
	stats  Stats
}

// NewScanner returns a scanner for the entries of the mounts.
func NewScanner(mounts Mounts) *Scanner {
	return &Scanner{mounts: mounts, fields: picker{of: shapeOf(reflect.TypeFor[entry]())}, seen: make(map[string]bool)}
}

// Stats returns the counts for everything scanned so far.
func (s *Scanner) Stats() Stats {
	stats := s.stats
	stats.Mounts = slices.Sorted(maps.Keys(s.seen))
	return stats
}

// Scan reads a log, gzipped or not, to its end and calls use for each event, in the log's
// order. Lines are JSON objects; anything before the first brace is skipped, since audit
// devices and syslog put prefixes there. Only a failing reader or damaged compression is an
// error: damaged lines are counted, or become Unreadable events.
func (s *Scanner) Scan(r io.Reader, use func(Event)) error {
	plain, err := decompress(r)
	if err != nil {
		return fmt.Errorf("reading compressed data: %w", err)
	}
	lines := &lineReader{from: plain}
	for {
		s.line(lines, use)
		switch err := lines.err; {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading line %d: %w", s.stats.Lines+1, err)
		}
	}
}

// decompress looks at the data, not at a name, since rotated logs can have any name.
func decompress(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, bufferSize)
	if magic, err := buffered.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return buffered, nil //nolint:nilerr // the next read tells whether it is short or failing
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(plain, bufferSize), nil
}

// line reads a line to its end, counts it and passes its event on.
func (s *Scanner) line(lines *lineReader, use func(Event)) {
	line := lines.next()
	whole := !lines.continues()
	defer lines.skip()
	if whole {
		line = bytes.TrimSpace(line)
	}
	if len(line) == 0 {
		return
	}
	s.stats.Lines++
	start := bytes.IndexByte(line, '{')
	if start < 0 {
		s.stats.Damaged++
		return
	}
	if whole && complete(line) && !s.mounts.mayConcern(line[start:]) {
		return
	}
	if event, ok := s.read(line, start, lines); ok {
		use(event.shortened())
	}
}

// complete reports, without decoding, whether a line ends like Vault's lines, so that it
// wasn't cut off. Callers can't imitate that end: metadata that they choose comes before
// the request, and strings in a body are HMACs.
func complete(line []byte) bool {
	ends := bytes.HasSuffix(line, []byte(`"type":"response"}`)) || bytes.HasSuffix(line, []byte(`"type":"request"}`))
	return ends && bytes.Contains(line, []byte(`quest":{`)) // starts with a rare letter, so the search is fast
}

// read returns the event of a line whose JSON starts at start, or what is left of it.
func (s *Scanner) read(line []byte, start int, lines *lineReader) (Event, bool) {
	whole := !lines.continues()
	var e entry
	err := s.fields.pick(line[start:], lines, &e)
	mount, path, located := s.mounts.locate(&e.Request)
	if err == nil && !located && !e.opens() {
		return Event{}, false // another engine's, or not an entry
	}
	if err = errors.Join(err, e.setTime()); err == nil {
		s.see(mount)
		return e.event(mount, path)
	}
	// The first piece of a long line has been overwritten by now.
	event, ok := s.mounts.salvaged(&e, !whole || s.mounts.areIn(line))
	if !ok {
		s.stats.Damaged++
	}
	s.see(event.Mount)
	return event, ok
}

// see records a mount that has an entry.
func (s *Scanner) see(mount string) {
	if mount != "" && len(s.seen) < maxMounts {
		s.seen[shortened(mount)] = true
	}
}

package auditlogtest

import (
	"fmt"
	"io"
	"time"
)

// Workload is a log of a busy Vault: Readers read tokens through Roles, some are
// denied, an administrator makes changes, and other engines are busy too.
type Workload struct {
	Begin   time.Time
	Lines   int // requests and responses
	Every   time.Duration
	Readers int
	Roles   int
	// Others of ten pairs of lines concern another engine.
	Others int
}

// WriteTo writes the log, always the same.
func (w Workload) WriteTo(to io.Writer) (int64, error) {
	var written int64
	line := make([]byte, 0, 4096)
	for i := range w.Lines / 2 {
		l := w.at(i)
		l.Type = "request"
		line = l.Append(line[:0])
		l.Type = "response"
		n, err := to.Write(l.Append(line))
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// at is the entry of a pair of lines.
func (w Workload) at(i int) Line {
	reader := (i * 7919) % w.Readers
	role := fmt.Sprintf("role-%d", (reader+i%3)%w.Roles)
	at := w.Begin.Add(time.Duration(i) * w.Every)
	l := Line{
		Time: at, Display: fmt.Sprintf("userpass-reader%d", reader), User: fmt.Sprintf("reader%d", reader),
		Entity: fmt.Sprintf("bab7a311-5e41-4ded-a310-%012d", reader), Policy: "itwin-" + role, Path: "itwin/token/" + role,
		Address: fmt.Sprintf("10.0.%d.%d", reader/250, reader%250),
		Token:   fmt.Sprintf("token of %s in half hour %d", role, at.Unix()/1800),
	}
	switch {
	case i%10 < w.Others:
		l.MountType, l.Mount, l.Path, l.Token = "kv", "secret/", "secret/data/app", ""
	case i%97 == 0:
		l.Policy, l.Token = "", ""
	case i%211 == 0:
		l.Token, l.Wrapping = "", fmt.Sprint("wrapping ", i)
	case i%1009 == 0:
		l.Display, l.User, l.Entity, l.Policy, l.Operation, l.Path, l.Token = "root", "", "", "root", "update", "itwin/"+"role/"+role, ""
	}
	return l
}

package auditlog

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"
)

const (
	// maxText, in bytes, bounds each string of an event: a path may be as long as a request's first line, a MiB.
	maxText = 1 << 10
	// cutMark ends what was longer.
	cutMark = "…"
)

// shortened is a string, or as much of it as an event holds.
func shortened(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText - len(cutMark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cutMark
}

// shortened shortens all of the event's strings.
func (v Event) shortened() Event {
	r, t := &v.Reader, &v.Token
	for _, s := range []*string{
		&v.Operation, &v.Mount, &v.Path, &v.Role, &v.Address, &v.Detail,
		&r.Name, &r.Login, &r.Display, &r.Entity, &r.Policies, &t.ID, &t.Scope,
	} {
		*s = shortened(*s)
	}
	t.Access = digest(t.Access)
	for _, hashes := range [][]string{v.Made, v.Opened} {
		for i := range hashes {
			hashes[i] = shortened(hashes[i])
		}
	}
	return v
}

// digest stands for a string that is compared alone, and may begin as another does: an
// audit device with log_raw writes the tokens themselves.
func digest(s string) string {
	if len(s) <= maxText {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

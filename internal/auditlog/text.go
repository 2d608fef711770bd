package auditlog

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"
)

const (
	// maxText, in bytes, limits each string of an event, since a path can have 1 MiB.
	maxText = 1 << 10
	// cutMark ends a string that was longer.
	cutMark = "…"
)

// shortened cuts a string to maxText.
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

// shortened cuts all strings of the event.
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

// digest replaces a long string that is only compared, because cutting it could make two
// equal: an audit device with log_raw=true logs the tokens themselves.
func digest(s string) string {
	if len(s) <= maxText {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

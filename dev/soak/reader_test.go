package soak

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

const (
	// grace is what a read with a usable token may take: the engine's second, and half of one for a busy machine.
	grace = 1500 * time.Millisecond
	// reserve is the life that a token must still have to be handed out.
	reserve = lifetime / 10
)

// holding is a token that was handed out at a path, and what the operator had written by then. It goes by the expiry in
// the answer, which counts from when IMS was asked: a token that IMS took seconds to issue ends as much earlier for the
// engine than for IMS.
type holding struct {
	expiry time.Time
	view   view
}

// readOn reads until the context ends, with a pause after each read that leaves the processor to the engine.
func (s *stand) readOn(ctx context.Context, pause time.Duration) {
	paths := []string{"token"}
	for name := range lastingRoles() {
		paths = append(paths, "token/"+name)
	}
	for _, name := range churningRoles() {
		paths = append(paths, "token/"+name)
	}
	for ctx.Err() == nil {
		s.readOnce(pick(paths))
		time.Sleep(pause)
	}
}

// readOnce makes one read, which the end of the run doesn't cut off, and checks what it gets against what the operator
// wrote and against what IMS issued.
func (s *stand) readOnce(path string) {
	before := s.model.view(path)
	var held holding
	if latest, ok := s.latest.Load(path); ok {
		held = latest.(holding)
	}
	begun := time.Now()
	got, err := s.readToken(path)
	ended := time.Now()
	unchanged := before.settled() && s.model.view(path) == before
	if unchanged {
		s.strict.Add(1)
		s.judgeExpected(path, got, err, before)
	}
	// A token that was handed out before a reload or a write may be gone.
	if unchanged && before.quiet() && held.view == before && held.expiry.Sub(begun) > grace+reserve {
		s.patient.Add(1)
		if took := ended.Sub(begun); err != nil || took > grace {
			s.report("%s: a read took %s (%v) with %s left on a token at hand", path, took, err, held.expiry.Sub(ended))
		}
	}
	if err != nil {
		s.refused.Add(1)
		s.judge(path, err)
		return
	}
	s.served.Add(1)
	s.judgeToken(path, got, begun, ended)
	if unchanged && before.quiet() {
		s.latest.Store(path, holding{time.Unix(got.ExpiresAt, 0), before})
	}
}

// judgeExpected compares an answer with what the operator wrote, for reads during which nothing was written.
func (s *stand) judgeExpected(path string, got token, err error, v view) {
	switch {
	case !v.known && (err == nil || !strings.Contains(err.Error(), "doesn't exist")):
		s.report("%s: the role doesn't exist, yet: %v", path, err)
	case v.known && err != nil && strings.Contains(err.Error(), "exist"):
		s.report("%s: the role exists, yet: %v", path, err)
	case v.known && err == nil && (grant{got.ClientID, got.Scope}) != v.want:
		s.report("%s: a token for %s %q in place of %s %q", path, got.ClientID, got.Scope, v.want.client, v.want.scope)
	}
}

// judgeToken compares a token with what IMS issued. IMS states the expiry in whole seconds, and the way of the answer
// to a reader on a busy machine is not the engine's: up to a second of it is the reader's own.
func (s *stand) judgeToken(path string, got token, begun, ended time.Time) {
	issued, ok := s.issuedAs(got.AccessToken)
	received := ended.Add(-min(ended.Sub(begun), time.Second))
	switch {
	case !ok:
		s.report("%s: a token that IMS never issued", path)
	case issued.SHA256 != got.ID:
		s.report("%s: token_id is of another token", path)
	case issued.ClientID != got.ClientID || strings.Join(issued.Scope, " ") != got.Scope:
		s.report("%s: a token of %s %q called %s %q", path, issued.ClientID, issued.Scope, got.ClientID, got.Scope)
	case !issued.Expiry.After(received):
		s.report("%s: a token that expired %s ago", path, received.Sub(issued.Expiry))
	case time.Unix(got.ExpiresAt, 0).After(issued.Expiry.Add(time.Second)):
		s.report("%s: an expiry of %s for a token that ends at %s", path, time.Unix(got.ExpiresAt, 0), issued.Expiry)
	case got.TTL < 1 || got.TTL > int64(lifetime/time.Second):
		s.report("%s: a ttl of %d", path, got.TTL)
	}
}

func (s *stand) issuedAs(accessToken string) (emulator.Issued, bool) {
	sum := sha256.Sum256([]byte(accessToken))
	digest := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.issued[digest]; !known {
		for _, issued := range s.ims.Issued() {
			s.issued[issued.SHA256] = issued
		}
	}
	issued, ok := s.issued[digest]
	return issued, ok
}

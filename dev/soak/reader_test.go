package soak

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// witness checks what readers get against what the operator wrote and against what IMS issued.
type witness struct {
	vault vault
	ims   *emulator.Emulator
	model *model

	issued sync.Map // the digest of each token seen, to its emulator.Issued
	latest sync.Map // each token path, to the holding that its last reader got

	stalls stalls

	// How many reads: with a token, with an error, while nothing was written, while a usable token was at hand.
	served, refused, strict, patient atomic.Int64

	mu    sync.Mutex
	wrong []string
}

// paths are those that readers read; roles that are written and deleted are among them.
func paths() []string {
	all := []string{"token", "token/default", "token/second", "token/narrow"}
	for i := range combinations() {
		all = append(all, "token/"+combined(i))
	}
	return append(all, churned("token/")...)
}

// combined is the role for a combination of scopes.
func combined(i int) string { return fmt.Sprintf("set-%d", i) }

func churned(prefix string) []string {
	return []string{prefix + "churn-0", prefix + "churn-1", prefix + "churn-2", prefix + "churn-3"}
}

// run reads until the context ends, with a pause after each read that leaves the processor to the engine.
func (w *witness) run(ctx context.Context, reader int, pause time.Duration) {
	all := paths()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		w.look(reader, all[rand.IntN(len(all))])
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// look makes one read, which the end of the run doesn't cut off.
func (w *witness) look(reader int, path string) {
	before := w.model.view(path)
	held := w.held(path)
	begun := time.Now()
	got, err := w.vault.readToken(context.Background(), reader, path)
	ended := time.Now()
	unchanged := before.settled() && w.model.view(path) == before
	if unchanged {
		w.strict.Add(1)
		w.judgeExpected(path, got, err, before.want, before.known)
	}
	if unchanged && before.quiet() && held.usable(before, begun) {
		w.judgePatience(path, held, err, begun, ended)
	}
	if err != nil {
		w.refused.Add(1)
		if !excusable(err) {
			w.report("%s: %v", path, err)
		}
		return
	}
	w.served.Add(1)
	w.judgeToken(path, got, begun, ended)
	if unchanged && before.quiet() {
		w.keep(path, before, got)
	}
}

// judgeExpected compares an answer with what the operator wrote, for reads during which nothing was written.
func (w *witness) judgeExpected(path string, got token, err error, want grant, known bool) {
	switch {
	case !known && (err == nil || !strings.Contains(err.Error(), "doesn't exist")):
		w.report("%s: the role doesn't exist, yet: %v", path, err)
	case known && err != nil && strings.Contains(err.Error(), "exist"):
		w.report("%s: the role exists, yet: %v", path, err)
	case known && err == nil && (grant{got.ClientID, got.Scope}) != want:
		w.report("%s: a token for %s %q in place of %s %q", path, got.ClientID, got.Scope, want.client, want.scope)
	}
}

// judgeToken compares a token with what IMS issued. IMS states the expiry in whole seconds, and the way of the answer
// to a reader on a busy machine is not the engine's: up to a second of it is the reader's own.
func (w *witness) judgeToken(path string, got token, begun, ended time.Time) {
	issued, ok := w.issuedAs(got.AccessToken)
	received := ended.Add(-min(ended.Sub(begun), time.Second))
	switch {
	case !ok:
		w.report("%s: a token that IMS never issued", path)
	case issued.SHA256 != got.ID:
		w.report("%s: token_id is of another token", path)
	case issued.ClientID != got.ClientID || strings.Join(issued.Scope, " ") != got.Scope:
		w.report("%s: a token of %s %q called %s %q", path, issued.ClientID, issued.Scope, got.ClientID, got.Scope)
	case !issued.Expiry.After(received):
		w.report("%s: a token that expired %s ago", path, received.Sub(issued.Expiry))
	case time.Unix(got.ExpiresAt, 0).After(issued.Expiry.Add(time.Second)):
		w.report("%s: an expiry of %s for a token that ends at %s", path, time.Unix(got.ExpiresAt, 0), issued.Expiry)
	case got.TTL < 1 || got.TTL > int64(lifetime/time.Second):
		w.report("%s: a ttl of %d", path, got.TTL)
	}
}

func (w *witness) issuedAs(accessToken string) (emulator.Issued, bool) {
	sum := sha256.Sum256([]byte(accessToken))
	digest := hex.EncodeToString(sum[:])
	if known, ok := w.issued.Load(digest); ok {
		return known.(emulator.Issued), true
	}
	all := w.ims.Issued()
	at := slices.IndexFunc(all, func(i emulator.Issued) bool { return i.SHA256 == digest })
	if at < 0 {
		return emulator.Issued{}, false
	}
	w.issued.Store(digest, all[at])
	return all[at], true
}

// report keeps the first few: one cause has many effects.
func (w *witness) report(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < 20 {
		w.wrong = append(w.wrong, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

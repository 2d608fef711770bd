package e2e

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

var errNotYet = errors.New("not yet")

// reading is one read of a token under load.
type reading struct {
	addr       string // of the server that was asked
	start, end time.Time
	token      token
	err        error
}

func (r reading) took() time.Duration { return r.end.Sub(r.start) }

// load is a number of readers that read without end, each with a connection of its own.
type load struct {
	cancel  context.CancelFunc
	readers sync.WaitGroup

	mu   sync.Mutex
	done []reading
}

// startLoad starts a reader for each client. They pause between reads, to leave the processor to Vault.
func startLoad(t *testing.T, path string, pause time.Duration, clients ...*api.Client) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &load{cancel: cancel}
	t.Cleanup(func() { l.stop() })
	for _, client := range clients {
		l.readers.Go(func() {
			for ctx.Err() == nil {
				l.read(client, path)
				time.Sleep(pause)
			}
		})
	}
	return l
}

// read doesn't end early with the load: no read in the record was cut off by the test.
func (l *load) read(client *api.Client, path string) {
	r := reading{addr: client.Address(), start: time.Now()}
	r.token, r.err = readToken(context.Background(), client, path)
	r.end = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = append(l.done, r)
}

// readings are those that have ended so far, in that order.
func (l *load) readings() []reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.done)
}

// stop ends the readers after the read that each is in, and returns all readings.
func (l *load) stop() []reading {
	l.cancel()
	l.readers.Wait()
	return l.readings()
}

// waitRead waits for a reading that began after a time and for which ok is true, and returns it.
func (l *load) waitRead(t *testing.T, limit time.Duration, after time.Time, ok func(reading) bool) reading {
	t.Helper()
	var found reading
	vaulttest.Wait(t, limit, "a read", func() error {
		for _, r := range l.readings() {
			if r.start.After(after) && ok(r) {
				found = r
				return nil
			}
		}
		return errNotYet
	})
	return found
}

func succeeded(r reading) bool { return r.err == nil }

// window is a time in which something happened.
type window struct{ began, ended time.Time }

// requireSame stops the readers. It requires that none got another token, and that no read failed but those that were under
// way in one of the windows.
func (l *load) requireSame(t *testing.T, want token, windows ...window) {
	t.Helper()
	failed := 0
	readings := l.stop()
	for _, r := range readings {
		if r.err != nil && slices.ContainsFunc(windows, func(w window) bool { return r.start.Before(w.ended) && r.end.After(w.began) }) {
			failed++
			continue
		}
		require.NoErrorf(t, r.err, "a read failed, %s after it began", r.took())
		require.Equal(t, want.AccessToken, r.token.AccessToken)
		require.Equal(t, want.Rotated, r.token.Rotated)
		require.Empty(t, r.token.warnings)
	}
	t.Logf("%d reads, %d failed", len(readings), failed)
}

// read makes one read as root.
func (e *env) read(path string) reading {
	l := &load{}
	l.read(e.root, path)
	return l.done[0]
}

// clientsOf are as many clients of a server as there are readers.
func clientsOf(t *testing.T, server *vaulttest.Server, readers int) []*api.Client {
	t.Helper()
	clients := make([]*api.Client, readers)
	for i := range clients {
		clients[i] = server.Root(t)
	}
	return clients
}

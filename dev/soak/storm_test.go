package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// floodChecks reads `check` on many connections at once, as monitoring gone wild does.
func (o *operator) floodChecks() {
	path := []string{"check", "check/second"}[rand.IntN(2)]
	until := time.Now().Add(2 * time.Second)
	for range 50 {
		o.background.Go(func() {
			for time.Now().Before(until) {
				if err := o.vault.check(path); err != nil && !excusable(err) {
					o.tell(fmt.Errorf("%s: %w", path, err))
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
}

// hangWrites writes configs that IMS never verifies: it is silent, and the secret is wrong. They change nothing.
func (o *operator) hangWrites() {
	path := configPath([]string{"", "second"}[rand.IntN(2)])
	o.ims.Fault(emulator.Fault{Hang: true})
	for range 5 {
		o.background.Go(func() {
			switch err := o.vault.write(path, fields{"client_secret": "wrong"}); {
			case err == nil:
				o.tell(fmt.Errorf("%s: a wrong secret was stored", path))
			case !excusable(err):
				o.tell(fmt.Errorf("%s: %w", path, err))
			}
		})
	}
}

// slowStorage slows the storing of tokens, where the storage is this test's own.
func (o *operator) slowStorage() {
	if o.storage != nil {
		o.storage.delay.Store(int64(1200*time.Millisecond + rand.N(2*time.Second)))
	}
}

// tell keeps the first few mistakes for the end.
func (o *operator) tell(err error) {
	select {
	case o.wrong <- err:
	default:
	}
}

// slowStorage is a storage that takes its time over tokens.
type slowStorage struct {
	logical.Storage

	delay atomic.Int64 // of time.Duration
}

// Put implements logical.Storage.
func (s *slowStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if delay := time.Duration(s.delay.Load()); delay > 0 && strings.HasPrefix(entry.Key, "token/") {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return errors.New("the storage gave up: its caller did")
		}
	}
	return s.Storage.Put(ctx, entry)
}

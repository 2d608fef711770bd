package itwin

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// runs notes when a renewal ran, since the test began.
type runs struct {
	mu    sync.Mutex
	began time.Time
	at    []time.Duration
}

// every asks to be run again after d.
func (r *runs) every(d time.Duration) func() time.Duration {
	r.began = time.Now()
	return func() time.Duration {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.at = append(r.at, time.Since(r.began))
		return d
	}
}

// seen waits for a run under way.
func (r *runs) seen() []time.Duration {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.at)
}

func TestRenewalsSleepUntilOneIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewals(), &runs{}
		loop.start(ran.every(10 * time.Minute))
		<-time.After(25 * time.Minute)
		require.Equal(t, []time.Duration{0, 10 * time.Minute, 20 * time.Minute}, ran.seen())
		loop.stop()
	})
}

func TestRenewalsLookAgainWhenTheyAreWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewals(), &runs{}
		loop.start(ran.every(10 * time.Minute))
		<-time.After(5 * time.Minute)
		loop.wake()
		<-time.After(9 * time.Minute)
		require.Equal(t, []time.Duration{0, 5 * time.Minute}, ran.seen(), "the sleep begins anew")
		<-time.After(time.Minute)
		require.Equal(t, 15*time.Minute, ran.seen()[2])
		loop.stop()
	})
}

func TestRenewalsMayBeWokenByManyAndBeforeTheyRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewals(), &runs{}
		for range 100 {
			loop.wake()
		}
		loop.start(ran.every(time.Hour))
		require.LessOrEqual(t, len(ran.seen()), 2, "for the start and for all wakes at once")
		loop.stop()
	})
}

func TestRenewalsStartedTwiceAreOneLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewals(), &runs{}
		loop.start(ran.every(time.Minute))
		loop.start(func() time.Duration { panic("a second loop") })
		<-time.After(time.Minute)
		require.Len(t, ran.seen(), 2)
		loop.stop()
	})
}

func TestRenewalsThatWereStoppedRunNoMoreUntilTheyAreStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, ran := newRenewals(), &runs{}
		loop.stop()
		loop.start(ran.every(time.Minute))
		require.Len(t, ran.seen(), 1)
		loop.stop()
		loop.stop()
		loop.wake()
		<-time.After(time.Hour)
		require.Len(t, ran.seen(), 1)
		loop.start(ran.every(2 * time.Hour))
		require.GreaterOrEqual(t, len(ran.seen()), 2)
		loop.stop()
	})
}

func TestRenewalsAreStoppedOnceTheOneUnderWayHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop, began := newRenewals(), time.Now()
		loop.start(func() time.Duration {
			<-time.After(5 * time.Second)
			return time.Hour
		})
		synctest.Wait()
		loop.stop()
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

func TestBackendRenewsFromInitializationToCleanup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBackend("")
		require.NoError(t, b.Setup(t.Context(), &logical.BackendConfig{System: &countingSystem{}}))
		require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{}))
		require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{}))
		var minted atomic.Int32
		a := b.plantApp(t, func(context.Context, string) (tokens.Grant, error) {
			token := secret.New(canaryToken + strconv.Itoa(int(minted.Add(1))))
			return tokens.Grant{AccessToken: token, RequestedAt: time.Now(), Lifetime: lifetime}, nil
		})
		_, err := a.pool.Token(t.Context(), defaultScopes, 0)
		require.NoError(t, err)
		<-time.After(29*time.Minute - time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, minted.Load())
		<-time.After(time.Second)
		synctest.Wait()
		require.EqualValues(t, 2, minted.Load(), "ahead of the rotation, with no reader")

		_, ok := a.pool.Fresh(defaultScopes, 0)
		require.True(t, ok)
		b.Cleanup(t.Context())
		<-time.After(lifetime)
		require.EqualValues(t, 2, minted.Load())
	})
}

// plantApp makes a default app that needs no network.
func (b *backend) plantApp(t *testing.T, mint func(context.Context, string) (tokens.Grant, error)) *app {
	t.Helper()
	client, err := ims.NewClient(ims.Options{
		TokenURL: defaultAuthority, ClientID: "service-test", ClientSecret: secret.New(canarySecret),
		AuthMethod: ims.AuthPost, RequestTimeout: defaultRequestTimeout, TLSMinVersion: outbound.TLS12,
	})
	require.NoError(t, err)
	keys, err := ims.NewKeys(ims.KeysOptions{TLSMinVersion: outbound.TLS12})
	require.NoError(t, err)
	a := &app{config: defaultConfig(), client: client, keys: keys, scopeKey: defaultScopes}
	a.pool = tokens.NewPool(b.poolOptions(a, time.Time{}), tokens.Settings{
		Mint: mint, MayMint: func() error { return nil }, RenewBefore: defaultRenewBefore,
	})
	b.apps.Swap("", a)
	return a
}

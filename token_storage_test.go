package itwin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/tokens"
)

func TestTokenIsWrittenOncePerMintAndNeverOnARead(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	written := e.storage.Calls(opPut)
	e.token()
	e.node().token()
	require.Equal(t, written, e.storage.Calls(opPut))
	e.mustWrite("rotate", nil)
	require.Equal(t, written+1, e.storage.Calls(opPut))
	require.Len(t, e.storage.Entries(t, "token/"), 1)
}

func TestTokenKeptOnlyInMemoryIsNeverWritten(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyPersistTokens: false}))
	e.mustWrite("rotate", nil)
	require.Equal(t, canaryToken+"2", e.token())
	require.Empty(t, e.storage.Entries(t, "token/"))
	require.Equal(t, canaryToken+"3", e.node().token())
}

func TestUnreadableStoredTokenIsReplacedByANewOne(t *testing.T) {
	t.Parallel()
	cases := map[string]func(stored string) string{
		"damaged":            func(string) string { return "canary{" },
		"of a later format":  func(s string) string { return strings.Replace(s, `"format":1`, `"format":2`, 1) },
		"without a token":    func(s string) string { return strings.Replace(s, canaryToken+"1", "", 1) },
		"without a lifetime": func(s string) string { return strings.Replace(s, `"lifetime":36`, `"lifetime":-36`, 1) },
		"of other scopes":    func(s string) string { return strings.Replace(s, "itwin-platform", "itwins:read", 1) },
		"of a date that isn't": func(s string) string {
			return strings.Replace(s, `"2026-11-23T12:00:00Z"`, `"0001-01-01T00:00:00Z"`, 1)
		},
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			for key, stored := range e.storage.Entries(t, "token/") {
				require.NotEqual(t, stored, damage(stored))
				e.storage.Plant(t, key, damage(stored))
			}
			require.Equal(t, canaryToken+"2", e.node().token())
			require.Equal(t, canaryToken+"2", e.node().token(), "the new one is stored in its place")
		})
	}
}

func TestInvalidateOfATokenLetsTheOtherNodeServeTheNewOne(t *testing.T) {
	t.Parallel()
	leader := newConfiguredEnv(t)
	leader.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	other := leader.node()
	viewer := other.token("token/viewer")
	require.Equal(t, canaryToken+"1", other.token())
	leader.mustWrite("rotate", nil)
	for key := range leader.storage.Entries(t, "token/") {
		if strings.HasSuffix(key, scopesKey(defaultConfig().Scopes)) {
			other.InvalidateKey(t.Context(), key)
		}
	}
	require.Equal(t, leader.token(), other.token())
	require.Equal(t, 3, leader.ims.Exchanges())

	read := leader.storage.Calls(opGet)
	require.Equal(t, viewer, other.token("token/viewer"))
	require.Equal(t, read, leader.storage.Calls(opGet), "other scopes stay in memory")
}

func TestStoredTokenFarAheadOfTheClockIsNotServed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ahead  time.Duration
		token  string
		rotate string
	}{
		"as another node's clock may run ahead": {5 * time.Second, canaryToken + "1", "2026-11-23T12:00:05Z"},
		"at the most that may be":               {30 * time.Second, canaryToken + "1", "2026-11-23T12:00:30Z"},
		"as only a clock set back explains":     {36 * time.Second, canaryToken + "2", "2026-11-23T12:00:37Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			ahead := noon().Add(c.ahead).Format(time.RFC3339)
			for key, stored := range e.storage.Entries(t, tokenPrefix) {
				e.storage.Plant(t, key, strings.ReplaceAll(stored, "2026-11-23T12:00:00Z", ahead))
			}
			restarted := e.node()
			shown := restarted.mustRead("token")
			require.Equal(t, c.token, shown.Data[keyAccessToken])
			require.Equal(t, c.rotate, shown.Data[keyLastVaultRotation], "later with each new token")
			require.Empty(t, shown.Warnings)
			require.LessOrEqual(t, shown.Data[keyTTL], int64(1800+30))
			require.Equal(t, shown.Data, restarted.mustRead("token").Data)
		})
	}
}

func TestExpiredStoredTokenIsNotServed(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.clock.advance(lifetime + time.Second)
	e.ims.Fail(http.StatusBadGateway)
	status, _ := e.node().mustFailRead("token")
	require.Equal(t, http.StatusBadGateway, status)
}

// sweepNow is what Vault calls about once a minute.
func (e *env) sweepNow() error {
	_, err := e.HandleRequest(e.t.Context(), &logical.Request{Operation: logical.RollbackOperation, Storage: e.storage})
	return err
}

func (e *env) mustSweep() {
	e.t.Helper()
	require.NoError(e.t, e.sweepNow())
}

func TestSweepDeletesExpiredTokens(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.clock.advance(lifetime - time.Second)
	e.mustSweep()
	require.Len(t, e.storage.Entries(t, "token/"), 1, "a second is left")
	e.clock.advance(sweepInterval)
	e.mustSweep()
	require.Empty(t, e.storage.Entries(t, "token/"))
	require.Equal(t, canaryToken+"2", e.token())
}

func TestSweepKeepsTokensOfAppsThatAreNotInMemory(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("config/qa", e.app())
	restarted := e.node()
	restarted.mustSweep()
	require.Len(t, e.storage.Entries(t, "token/"), 2)
	e.clock.advance(lifetime)
	restarted.mustSweep()
	require.Empty(t, e.storage.Entries(t, "token/"))
}

func TestSweepDeletesTokensOfGenerationsThatNoConfigHas(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	kept := e.storage.Entries(t, "token/")
	e.storage.Plant(t, "token/gone/abc", "canary")
	e.storage.Plant(t, "token/gone/def", "canary")
	e.mustSweep()
	require.Equal(t, kept, e.storage.Entries(t, "token/"))
}

func TestSweepKeepsADamagedTokenOfTheCurrentGeneration(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for key := range e.storage.Entries(t, "token/") {
		e.storage.Plant(t, key, "canary{")
	}
	damaged := e.storage.Entries(t, "token/")
	e.mustSweep()
	require.Equal(t, damaged, e.storage.Entries(t, "token/"))
}

func TestSweepRunsAtMostEveryTenMinutes(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustSweep()
	e.storage.Plant(t, "token/gone/abc", "canary")
	calls := e.storage.Calls()
	for range 9 {
		e.clock.advance(time.Minute)
		e.mustSweep()
	}
	require.Equal(t, calls, e.storage.Calls())
	e.clock.advance(time.Minute)
	e.mustSweep()
	require.Len(t, e.storage.Entries(t, "token/"), 1)
}

func TestStandbyDoesNotSweep(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.system.Standby()
	e.storage.Plant(t, "token/gone/abc", "canary")
	e.mustSweep()
	require.Zero(t, e.storage.Calls())
}

func TestSweepStopsAtAConfigItCannotRead(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	before := e.storage.Entries(t, "token/")
	e.storage.Fail(opGet, "config")
	require.ErrorContains(t, e.sweepNow(), "reading config: the disk is on fire")
	e.storage.Work()
	e.storage.Plant(t, "config", `{"format":99}`)
	e.clock.advance(sweepInterval)
	require.ErrorIs(t, e.sweepNow(), errNewerConfig)
	require.Equal(t, before, e.storage.Entries(t, "token/"))
}

func TestSweepNamesTheStorageCallThatFailed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ op, prefix, text string }{
		"listing generations": {opList, "token/", "listing stored tokens: the disk is on fire"},
		"listing configs":     {opList, "config/", "listing configs: the disk is on fire"},
		"reading a token":     {opGet, "token/", "reading a stored token: the disk is on fire"},
		"deleting a token":    {opDelete, "token/", "deleting a stored token: the disk is on fire"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.clock.advance(lifetime)
			e.storage.Fail(c.op, c.prefix)
			require.ErrorContains(t, e.sweepNow(), c.text)
		})
	}
}

func TestFailingTokenStorageDelaysNoReader(t *testing.T) {
	t.Parallel()
	for op, line := range map[string]string{opGet: "could not load the token", opPut: "could not store the token"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t).node()
			e.clock.advance(lifetime)
			e.storage.Fail(op, "token/")
			require.Equal(t, canaryToken+"2", e.token())
			require.Equal(t, canaryToken+"2", e.token())
			require.Contains(t, e.log.String(), line)
			require.Contains(t, e.log.String(), errStorage.Error())
		})
	}
}

func TestTokensThatCannotBeDeletedAreLeftForTheSweep(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]fields{
		"a new secret":        {keyClientSecret: canarySecret + "2"},
		"no persisted tokens": {keyPersistTokens: false, keyVerify: false},
	} {
		for _, op := range []string{opList, opDelete} {
			t.Run(name+" "+op, func(t *testing.T) {
				t.Parallel()
				e := newConfiguredEnv(t)
				left := e.storage.Entries(t, "token/")
				e.storage.Fail(op, "token/")
				e.mustWrite("config", change)
				require.Subset(t, e.storage.Entries(t, "token/"), left)
				require.Contains(t, e.log.String(), "the next sweep will try again")
				e.storage.Work()
				e.mustSweep()
				for key := range left {
					require.NotContains(t, e.storage.Entries(t, "token/"), key)
				}
				e.token()
			})
		}
	}
}

func TestStandbyDropsATokenThatIsRotatedWhileItLoads(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	standby := e.node()
	standby.system.Standby()
	overtaken := &between{Storage: e.storage, prefix: tokenPrefix, do: func(key string) {
		e.clock.advance(time.Second)
		e.mustWrite("rotate", nil)
		standby.InvalidateKey(t.Context(), key)
	}}
	resp, err := standby.readVia(t.Context(), overtaken, "token")
	require.NoError(t, err)
	require.Equal(t, canaryToken+"2", resp.Data[keyAccessToken])
}

func TestTokenMintedWhilePersistenceIsTurnedOffIsNotStored(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	finish := startReading(t, e, "token/viewer")
	e.mustWrite("config", fields{keyPersistTokens: false, keyVerify: false})
	finish()
	require.Empty(t, e.storage.Entries(t, tokenPrefix))
}

// FuzzStoredToken: any bytes are a token that can be handed out, or none.
func FuzzStoredToken(f *testing.F) {
	stored := `{"format":1,"access_token":"a.b.c","token_type":"Bearer","scope":"itwin-platform",` +
		`"obtained_at":"2026-11-23T12:00:00Z","lifetime":3600000000000,"rotated_at":"2026-11-23T12:00:00Z"}`
	for _, value := range []string{stored, stored[:90], "null", `{"format":1}`, `{"format":1,"access_token":"a\nb","lifetime":1}`} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		token := decodeToken(&logical.StorageEntry{Key: "token/g/s", Value: value})
		if token == nil {
			return
		}
		require.False(t, token.AccessToken.IsZero())
		require.Equal(t, tokens.ID(token.AccessToken), token.ID)
		require.Positive(t, token.Lifetime)
		require.LessOrEqual(t, token.Left(time.Time{}), token.Lifetime)
		store := &tokenStore{storage: newFaultyStorage(), generation: "g"}
		require.NoError(t, store.Save(t.Context(), token))
		again, err := store.Load(t.Context(), token.Scopes)
		require.NoError(t, err)
		require.Equal(t, token.AccessToken.Reveal(), again.AccessToken.Reveal())
		require.True(t, token.ExpiresAt().Equal(again.ExpiresAt()))
	})
}

package itwin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestTokenSurvivesARestartWhileIMSIsDown(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	first := e.mustRead("token")
	e.Cleanup(t.Context())
	e.ims.Close()
	require.Equal(t, first, e.node().mustRead("token"))
}

func TestRotationIsLaterWithEachTokenAcrossRestartsAndGenerations(t *testing.T) {
	t.Parallel()
	viewer := fields{keyScopes: "itwins:read"}
	cases := map[string]func(restarted *env){
		"of an app that isn't in memory":                   func(*env) {},
		"of an app in memory, its tokens in storage alone": func(e *env) { e.mustRead("status") },
		"of an app whose tokens are kept in memory from now on": func(e *env) {
			e.mustWrite("config", fields{keyPersistTokens: false, keyVerify: false})
		},
	}
	for name, begin := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newConfiguredEnv(t)
			e.mustWrite("role/viewer", viewer)
			for range 3 { // the clock stands still meanwhile
				e.mustWrite("rotate/viewer", nil)
			}
			before := e.mustRead("token/viewer").Data
			require.Equal(t, "2026-11-23T12:00:02Z", before[keyLastVaultRotation])

			e = e.node()
			begin(e)
			e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})
			for _, path := range []string{"token", "token/viewer"} {
				after := e.mustRead(path).Data
				require.NotEqual(t, before[keyTokenID], after[keyTokenID])
				require.Equal(t, "2026-11-23T12:00:03Z", after[keyLastVaultRotation], path)
			}
		})
	}
}

func TestConfigIsWrittenWhereTheLastRotationCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, op := range []string{opList, opGet} {
		e := newConfiguredEnv(t).node()
		e.storage.Fail(op, tokenPrefix)
		e.mustWrite("config", fields{keyClientSecret: canarySecret + "2"})
		e.token()
		require.Contains(t, e.log.String(), "could not read the last rotation")
	}
}

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

func TestTokenKeptInMemoryAloneIsNeverWritten(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyPersistTokens: false}))
	e.mustWrite("rotate", nil)
	require.Equal(t, canaryToken+"2", e.token())
	require.Empty(t, e.storage.Entries(t, "token/"))
	require.Equal(t, canaryToken+"3", e.node().token())
}

func TestTokensLeaveStorageWhenTheyAreToStayInMemory(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	require.NotEmpty(t, e.storage.Entries(t, "token/"))
	e.mustWrite("config", fields{keyPersistTokens: false, keyVerify: false})
	require.Empty(t, e.storage.Entries(t, "token/"))
	require.Equal(t, canaryToken+"1", e.token())
}

func TestTokenStoredInAFormNobodyCanReadIsMintedAnew(t *testing.T) {
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

func TestStandbyServesTheStoredTokenAndLeavesMintingToTheLeader(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	standby := e.node()
	standby.system.Standby()
	written := e.storage.Calls(opPut, opDelete)
	require.Equal(t, e.token(), standby.token())
	require.Equal(t, e.token(), standby.token())

	e.clock.advance(lifetime / 2)
	for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation} {
		_, err := standby.handle(t.Context(), op, "token", nil)
		require.Equal(t, logical.ErrReadOnly, err, "bare, so that Vault forwards it")
	}
	standby.advance(0)
	for path, op := range map[string]logical.Operation{
		"rotate": logical.UpdateOperation, "config": logical.UpdateOperation, "config/qa": logical.DeleteOperation,
		"role/viewer": logical.UpdateOperation, "role/editor": logical.DeleteOperation,
	} {
		_, err := standby.handle(t.Context(), op, path, nil)
		require.ErrorIs(t, err, logical.ErrReadOnly, path)
	}
	require.Equal(t, 1, e.ims.Exchanges())
	require.Equal(t, written, e.storage.Calls(opPut, opDelete))

	require.Equal(t, canaryToken+"2", e.token())
	require.Equal(t, canaryToken+"2", standby.token(), "what the leader stored is found without an invalidation")
}

func TestTokenThatStandbysAloneReadIsRenewedAhead(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	standby := e.node()
	standby.system.Standby()
	standby.token()
	e.advance(lifetime/2 - 30*time.Second)
	require.Equal(t, 1, e.ims.Exchanges(), "the leader hasn't heard of a reader")

	standby.renewTokens()
	_, err := standby.handle(t.Context(), logical.ReadOperation, "token", nil)
	require.Equal(t, logical.ErrReadOnly, err)
	require.Equal(t, canaryToken+"1", e.token(), "which Vault forwards")
	require.Equal(t, canaryToken+"1", standby.token(), "the others need not be")
	e.advance(0)
	require.Equal(t, 2, e.ims.Exchanges())
	for key := range e.storage.Entries(t, tokenPrefix) {
		standby.invalidate(t.Context(), key)
	}
	require.Equal(t, canaryToken+"2", standby.token(), "ahead of the rotation")
	require.Zero(t, standby.tallies.total("", "").failed)
}

func TestInvalidateLetsTheOtherNodeSeeTheChange(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(leader *env)
		key    string
		path   string
		sees   string
	}{
		"of the config": {
			func(e *env) { e.mustWrite("config", fields{keyClientID: "service-other"}) }, "config", "token", "service-other",
		},
		"of an app": {
			func(e *env) { e.mustWrite("config/qa", fields{keyClientID: "service-other"}) }, "config/qa", "token/qa", "service-other",
		},
		"of a role": {
			func(e *env) { e.mustWrite("role/qa", fields{keyApp: ""}) }, "role/qa", "token/qa", "service-test",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leader := newConfiguredEnv(t)
			leader.mustWrite("config/qa", leader.app(fields{keyClientID: "service-qa"}))
			leader.mustWrite("role/qa", fields{keyApp: "qa"})
			other := leader.node()
			before := other.mustRead(c.path).Data[keyClientID]
			c.change(leader)
			require.Equal(t, before, other.mustRead(c.path).Data[keyClientID], "in memory until it is told")
			other.InvalidateKey(t.Context(), c.key)
			require.Equal(t, c.sees, other.mustRead(c.path).Data[keyClientID])
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
		if strings.HasSuffix(key, scopeName(defaultScopes)) {
			other.InvalidateKey(t.Context(), key)
		}
	}
	require.Equal(t, leader.token(), other.token())
	require.Equal(t, 3, leader.ims.Exchanges())

	read := leader.storage.Calls(opGet)
	require.Equal(t, viewer, other.token("token/viewer"))
	require.Equal(t, read, leader.storage.Calls(opGet), "other scopes stay in memory")
}

func TestTokenOverInStorageIsNotServed(t *testing.T) {
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

func TestSweepDeletesTokensThatAreOver(t *testing.T) {
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

func TestSweepKnowsTokensOfAppsThatNobodyHasRead(t *testing.T) {
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

func TestSweepKeepsADamagedTokenOfTheGenerationInForce(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for key := range e.storage.Entries(t, "token/") {
		e.storage.Plant(t, key, "canary{")
	}
	damaged := e.storage.Entries(t, "token/")
	e.mustSweep()
	require.Equal(t, damaged, e.storage.Entries(t, "token/"))
}

func TestSweepWorksEveryTenMinutesAtMost(t *testing.T) {
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

func TestSweepIsNotForAStandby(t *testing.T) {
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
	tokens := e.storage.Entries(t, "token/")
	e.storage.Fail(opGet, "config")
	require.ErrorContains(t, e.sweepNow(), "reading config: the disk is on fire")
	e.storage.Work()
	e.storage.Plant(t, "config", `{"format":99}`)
	e.clock.advance(sweepInterval)
	require.ErrorIs(t, e.sweepNow(), errNewerConfig)
	require.Equal(t, tokens, e.storage.Entries(t, "token/"))
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

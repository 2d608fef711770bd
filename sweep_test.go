package itwin

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

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

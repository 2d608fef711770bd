package itwin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// bus is Vault's event bus: it keeps what it is sent, refuses it, or hangs.
type bus struct {
	mu    sync.Mutex
	err   error
	hangs bool
	sent  map[string]map[string]any // the last of each type
	calls int
}

func (s *bus) SendEvent(ctx context.Context, kind logical.EventType, event *logical.EventData) error {
	s.mu.Lock()
	s.calls++
	s.sent[string(kind)] = event.Metadata.AsMap()
	err, hangs := s.err, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func newEventEnv(t *testing.T, s *bus) *env {
	t.Helper()
	e := newEnv(t)
	s.sent = make(map[string]map[string]any)
	require.NoError(t, e.Setup(t.Context(), &logical.BackendConfig{
		Logger: e.backend.log, System: e.system, StorageView: e.storage, EventsSender: s,
	}))
	return e
}

func TestEveryKindOfEventIsSentWithoutASecret(t *testing.T) {
	t.Parallel()
	s := &bus{}
	e := newEventEnv(t, s)
	e.mustWrite("config", e.app())
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	e.token()
	e.mustWrite("rotate/viewer", nil)
	e.ims.Fail(http.StatusBadGateway)
	e.mustFail(logical.UpdateOperation, "rotate", nil)
	e.ims.Work()
	e.mustWrite("rotate", nil)
	e.mustDelete("role/viewer")
	e.mustDelete("config")
	e.events.sending.Wait()

	paths := map[string]string{
		"config-write": "config", "config-delete": "config", "role-write": "role/viewer", "role-delete": "role/viewer",
		"token-mint": "config", "token-rotate": "", "exchange-fail": "config", "exchange-recover": "config",
	}
	require.Len(t, s.sent, len(paths))
	for kind, path := range paths {
		metadata := s.sent["itwin/"+kind]
		require.Equal(t, kind, metadata[logical.EventMetadataOperation])
		if path != "" {
			require.Equal(t, path, metadata[logical.EventMetadataDataPath])
		}
		for _, value := range metadata {
			e.mustHideCanaries(value.(string))
		}
	}
	require.Contains(t, s.sent["itwin/exchange-fail"][keyError], "status 502")
	require.Equal(t, "2026-11-23T12:00:00Z", s.sent["itwin/exchange-recover"]["failed_since"])
	require.Len(t, s.sent["itwin/token-mint"][keyTokenID], 64)
}

func TestMissingEventSupportIsLoggedOnceAtDebug(t *testing.T) {
	t.Parallel()
	s := &bus{err: errors.New("unimplemented")}
	e := newEventEnv(t, s)
	e.mustWrite("config", e.app())
	e.mustDelete("config")
	e.events.sending.Wait()
	require.Equal(t, 1, strings.Count(e.log.String(), "[DEBUG] this server doesn't accept events"))
}

func TestEventsDelayNobodyAndEndWithTheMount(t *testing.T) {
	t.Parallel()
	s := &bus{hangs: true}
	e := newEventEnv(t, s)
	e.mustWrite("config", e.app())
	e.token()
	e.Cleanup(t.Context())
	e.events.sending.Wait()
	require.NotContains(t, e.log.String(), "accept events")
	sent := s.calls
	e.event(eventConfigWrite, "config")
	e.events.sending.Wait()
	require.Equal(t, sent, s.calls, "the mount is over")
}

func TestAHealthyMountLogsTwoLinesAnHourForEachToken(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	before := strings.Count(e.log.String(), "[INFO]")
	for range 24 * 60 {
		e.advance(time.Minute)
		e.token()
	}
	require.LessOrEqual(t, strings.Count(e.log.String(), "[INFO]")-before, 2*24+1)
	require.NotContains(t, e.log.String(), "[WARN]")
}

func TestOutageAndRecoveryAreLogged(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.ims.Fail(http.StatusBadGateway)
	e.mustFail(logical.UpdateOperation, "rotate", nil)
	e.clock.advance(2 * time.Minute)
	e.ims.Work()
	e.mustWrite("rotate", nil)
	log := e.log.String()
	require.Regexp(t, `\[WARN\] +could not mint a token: config=config .*correlation_id=[0-9a-f-]{36} .*attempts=1 next_attempt=`, log)
	require.Regexp(t, `\[INFO\] +IMS has recovered: config=config .*failed_since=2026-11-23T12:00:00Z attempts=1 after=2m0s`, log)
	require.Regexp(t, `\[INFO\] +token minted: config=config .*token_id=[0-9a-f]{64} .*correlation_id=[0-9a-f-]{36} took=`, log)
}

func TestChangesAndTokensAreLogged(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", fields{keyScopes: "itwins:read"})
	id := e.mustRead("token/viewer").Data[keyTokenID].(string)
	e.mustWrite("rotate", nil)
	e.mustDelete("role/viewer")
	e.mustDelete("config")
	log := e.log.String()
	for _, line := range []string{
		"config written", "role written", "token minted", "token rotated on request", "role deleted", "config deleted",
		"client_id=service-test", "scopes=itwins:read", "token_id=" + id, "expires_at=2026-11-23T13:00:00Z",
	} {
		require.Contains(t, log, line)
	}
	e.mustHideCanaries(log)
}

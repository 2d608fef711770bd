package itwin

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestSharedTokenIsReadWithoutACallToVault(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.mustWrite("role/viewer", nil)
	paths := []string{"token", "token/viewer"}
	for _, path := range paths {
		e.token(path)
	}
	storage, system := e.storage.Calls(), e.system.calls.Load()
	for _, path := range paths {
		e.token(path)
		_, err := e.HandleRequest(t.Context(), &logical.Request{Operation: logical.UpdateOperation, Path: path})
		require.NoError(t, err)
		e.mustRead(path, fields{keyMinTTL: "45m"})
	}
	require.Equal(t, storage, e.storage.Calls())
	require.Equal(t, system, e.system.calls.Load())
}

//nolint:paralleltest // testing.AllocsPerRun counts the allocations of the whole process
func TestSharedTokenIsReadWithFewAllocations(t *testing.T) {
	e := newConfiguredEnv(t)
	req := &logical.Request{Operation: logical.ReadOperation, Path: "token", Storage: e.storage}
	allocations := testing.AllocsPerRun(100, func() {
		_, _ = e.HandleRequest(t.Context(), req)
	})
	require.LessOrEqual(t, allocations, 7.0, "the answer, its map, and the two figures that belong to one read")
}

func TestReadersWhoComeTogetherShareOneExchange(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	e = e.node()
	gate := e.ims.Hold()
	var readers sync.WaitGroup
	got := make(chan any, 50)
	for range cap(got) {
		readers.Go(func() { got <- e.read(context.Background()) })
	}
	<-gate.arrived
	close(gate.released)
	readers.Wait()
	close(got)
	for token := range got {
		require.Equal(t, canaryToken+"1", token)
	}
	require.Equal(t, 1, e.ims.Exchanges())
}

func TestReaderWhoGivesUpTakesNothingFromTheOthers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.mustWrite("config", e.app(fields{keyVerify: false}))
	gate := e.ims.Hold()
	impatient, giveUp := context.WithCancel(t.Context())
	left, got := make(chan any), make(chan any)
	go func() { left <- e.read(impatient) }()
	<-gate.arrived
	go func() { got <- e.read(context.Background()) }()
	giveUp()
	require.Equal(t, logical.CodedError(http.StatusGatewayTimeout, "the request ended before there was an answer; try again"), <-left)
	close(gate.released)
	require.Equal(t, canaryToken+"1", <-got)
	require.Equal(t, 1, e.ims.Exchanges())
}

// read returns the token or the error; unlike e.token it may run beside the test.
func (e *env) read(ctx context.Context) any {
	resp, err := e.handle(ctx, logical.ReadOperation, tokenPath, nil)
	if err != nil {
		return err
	}
	return resp.Data[keyAccessToken]
}

func TestTokenInUseIsRenewedAheadOfItsRotation(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	e.token()
	e.advance(29*time.Minute - time.Second)
	require.Equal(t, 1, e.ims.Exchanges())
	e.advance(time.Second)
	require.Equal(t, 2, e.ims.Exchanges(), "a minute ahead")
	require.Equal(t, canaryToken+"2", e.token())
}

func TestTokenThatNobodyReadsIsLeftToExpire(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	for range 12 {
		e.advance(10 * time.Minute)
	}
	require.Equal(t, 1, e.ims.Exchanges())
	require.Equal(t, canaryToken+"2", e.token())
}

func TestOutageOfHalfAnHourReachesNoReader(t *testing.T) {
	t.Parallel()
	e := newConfiguredEnv(t)
	require.Empty(t, e.mustRead("token").Warnings)
	e.advance(28 * time.Minute)
	e.ims.Fail(http.StatusServiceUnavailable)
	for range 60 {
		e.advance(30 * time.Second)
		require.Equal(t, canaryToken+"1", e.token())
	}
	require.NotEmpty(t, e.mustRead("token").Warnings)
	e.ims.Work()
	e.advance(30 * time.Second)
	require.Empty(t, e.mustRead("token").Warnings)
	require.Equal(t, canaryToken+"2", e.token())
}

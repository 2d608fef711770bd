package outbound

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ticking is a clock that shows a second more each time it is looked at.
func ticking() func() time.Time {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

func TestTimelineKnowsTheStagesThatARequestPassed(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	ctx, timeline := NewTimeline(t.Context(), time.Now)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
	require.NoError(t, err)
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for stage, want := range map[Stage]bool{StageDNS: false, StageConnect: true, StageTLS: true} {
		_, passed := timeline.Took(stage)
		require.Equal(t, want, passed, stage)
	}
}

func TestTimelineCountsFromTheFirstOfSeveralDials(t *testing.T) {
	t.Parallel()
	ctx, timeline := NewTimeline(t.Context(), ticking())
	trace := httptrace.ContextClientTrace(ctx)
	trace.ConnectStart("tcp", "[::1]:443")
	trace.ConnectStart("tcp", "127.0.0.1:443")
	trace.ConnectDone("tcp", "[::1]:443", errors.New("no route"))
	_, passed := timeline.Took(StageConnect)
	require.False(t, passed, "the other may still succeed")
	trace.ConnectDone("tcp", "127.0.0.1:443", nil)
	took, passed := timeline.Took(StageConnect)
	require.True(t, passed)
	require.Equal(t, time.Second, took)
}

package inquiry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// onB moves an event to another mount.
func onB(e auditlog.Event) auditlog.Event {
	e.Mount = "b/"
	return e
}

func of(mounts ...string) inquiry.Scope { return inquiry.Scope{Mounts: mounts} }

// TestMountThatIsNotInTheLogAnswersNothing holds for unwrappings too, whose mounts can't be told.
func TestMountThatIsNotInTheLogAnswersNothing(t *testing.T) {
	t.Parallel()
	events := []auditlog.Event{read("kim", "t1", 1), onB(read("kim", "t2", 2)), unwrap("kim", "unseen", "t1", 3)}
	for name, question := range map[string]func(inquiry.Scope) inquiry.Question{
		"summary": func(s inquiry.Scope) inquiry.Question { return inquiry.NewSummary(s) },
		"readers": func(s inquiry.Scope) inquiry.Question { return inquiry.NewReaders(s, "t1", "hmac of id of t1") },
		"tokens":  func(s inquiry.Scope) inquiry.Question { return inquiry.NewTokens(s, "kim") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ask(question(of("no/", "none/")), events...)
			require.False(t, a.Found)
			require.Equal(t, []string{}, a.Log.Mounts)
			require.Zero(t, a.Log.Events)
			notes := strings.Join(a.Notes, "\n")
			require.Contains(t, notes, "The log has no entry for no/ or none/. Other mounts of the plugin in this log: itwin/, b/")
			require.Contains(t, notes, "Without --mount, this answer also includes unwrappings whose wrapping is not in this log: 1.")

			a = ask(question(of("itwin/", "no/")), events...)
			require.True(t, a.Found)
			require.Contains(t, strings.Join(a.Notes, "\n"), "The log has no entry for no/. Other mounts of the plugin in this log: b/")
			require.True(t, ask(question(inquiry.Scope{}), events...).Found)
		})
	}
}

func TestOnlyMissingMountIsReported(t *testing.T) {
	t.Parallel()
	a := ask(inquiry.NewSummary(of("no/")), unwrap("kim", "unseen", "t1", 3))
	require.False(t, a.Found)
	require.Contains(t, a.Notes, "The log has no entry for no/ or any other mount of the plugin.")
}

// TestMountWithoutEventsIsInTheLog is about one that was only asked for its status.
func TestMountWithoutEventsIsInTheLog(t *testing.T) {
	t.Parallel()
	q := inquiry.NewSummary(of("quiet/"))
	q.Add(read("kim", "t1", 1))
	a := q.Answer(auditlog.Stats{Lines: 2, Mounts: []string{"itwin/", "quiet/"}})
	require.False(t, a.Found)
	require.Equal(t, []string{"quiet/"}, a.Log.Mounts)
	require.NotContains(t, strings.Join(a.Notes, "\n"), "The log has no entry for")
}

func TestAnswerCoversOnlyTheRequestedMounts(t *testing.T) {
	t.Parallel()
	since := noon().AddDate(0, 0, -1)
	a := ask(inquiry.NewSummary(inquiry.Scope{Since: since, Mounts: []string{"itwin/"}}),
		onB(read("lee", "t2", 1)), onB(wrap("lee", "w-b", 2)), wrap("kim", "w", 3), unwrap("eve", "w-b", "t2", 4),
		unwrap("bot", "w", "t1", 5), onB(event(auditlog.Denied, 6)), read("kim", "t1", -60*48), onB(read("bot", "t2", -60*48)))
	require.Empty(t, told(t, a, "reads"))
	require.Empty(t, told(t, a, "denied"))
	require.Equal(t, []string{"userpass-kim wrapped viewer   x1", "userpass-bot unwrapped viewer   x1"}, told(t, a, "wrapped"))
	require.Equal(t, []string{"userpass-bot     x1"}, told(t, a, "new_readers"), "what it read of b/ doesn't count")
	require.Equal(t, int64(3), a.Log.Events)

	readers := ask(inquiry.NewReaders(of("itwin/"), "t2"),
		onB(read("lee", "t2", 1)), onB(wrap("lee", "w-b", 2)), unwrap("eve", "w-b", "t2", 4), onB(wrap("lee", "w-c", 5)))
	require.False(t, readers.Found)
	require.NotContains(t, strings.Join(readers.Notes, "\n"), "nobody open")
}

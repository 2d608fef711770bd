package inquiry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// lasting is a wrapped read by kim whose wrapping can be opened for ten minutes.
func lasting(wrapping string, minute int) auditlog.Event {
	e := wrap("kim", wrapping, minute)
	e.Until = e.Time.Add(10 * time.Minute)
	return e
}

// open is an unwrapping whose token the log doesn't show.
func open(name, wrapping string, minute int) auditlog.Event {
	e := unwrap(name, wrapping, "", minute)
	e.Token = auditlog.Token{}
	return e
}

// rewrap is one by eve into another wrapping.
func rewrap(from, to string, minute int) auditlog.Event {
	e := open("eve", from, minute)
	e.Kind, e.Made, e.Until = auditlog.Rewrapped, []string{to}, e.Time.Add(10*time.Minute)
	return e
}

// TestReaderWhoOpenedAWrappingIsListedEvenIfItsTokenIsHidden tells the same whatever the order of the logs.
func TestReaderWhoOpenedAWrappingIsListedEvenIfItsTokenIsHidden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events []auditlog.Event
		want   []string
	}{
		"by a way that shows nothing": {
			[]auditlog.Event{lasting("w", 1), open("eve", "w", 2)},
			[]string{"userpass-eve unwrapped viewer   x1"},
		},
		"by unwrapping it into another, and that one": {
			[]auditlog.Event{lasting("w", 1), rewrap("w", "w2", 2), open("lee", "w2", 3)},
			[]string{"userpass-eve rewrapped viewer   x1", "userpass-lee unwrapped viewer   x1"},
		},
		"by rewrapping it again and again": {
			[]auditlog.Event{lasting("w", 1), rewrap("w", "w2", 2), rewrap("w2", "w3", 11), open("lee", "w3", 20)},
			[]string{"userpass-eve rewrapped viewer   x2", "userpass-lee unwrapped viewer   x1"},
		},
		"by a name of it that the log has nothing else of": {
			[]auditlog.Event{lasting("w", 1), open("eve", "short w", 11)},
			[]string{"userpass-eve unwrapped (unknown)   x1"},
		},
		"by such names of all that it was put into": {
			[]auditlog.Event{lasting("w", 1), rewrap("short w", "w2", 2), rewrap("w2", "w3", 4), open("lee", "short w3", 13)},
			[]string{"userpass-eve rewrapped (unknown)   x2", "userpass-lee unwrapped (unknown)   x1"},
		},
		"but not what was another engine's, there being no wrapping of this one's left": {
			[]auditlog.Event{lasting("w", 1), open("eve", "w", 2), open("lee", "another's", 3)},
			[]string{"userpass-eve unwrapped viewer   x1"},
		},
		"nor what was opened before this one's was made, or after it ended": {
			[]auditlog.Event{lasting("w", 5), open("lee", "another's", 4), open("lee", "another", 16)},
			[]string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				readers := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), c.events...)
				require.Equal(t, c.want, told(t, readers, "maybe"))
				require.Equal(t, len(c.want) > 0, readers.Found)
				require.Empty(t, told(t, readers, "readers"))
				summary := ask(inquiry.NewSummary(inquiry.Scope{}), c.events...)
				require.Equal(t, c.want, told(t, summary, "wrapped")[1:], "after the wrapped read")
				slices.Reverse(c.events)
			}
		})
	}
}

func TestMakerOfAWrappingIsNamedWithItsOpener(t *testing.T) {
	t.Parallel()
	a := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), lasting("w", 1), rewrap("w", "w2", 2), open("lee", "w2", 3))
	for _, row := range a.Sections[1].Rows {
		require.Equal(t, "wrapped by userpass-kim", row.Detail)
	}
	a = ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), lasting("w", 1), open("lee", "short w", 3))
	require.Empty(t, a.Sections[1].Rows[0].Detail, "it isn't known")
}

func TestOpenedWrappingIsNotReportedAsUnopened(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]auditlog.Event{
		"opened":               {lasting("w", 1), open("eve", "w", 2)},
		"rewrapped and opened": {lasting("w", 1), rewrap("w", "w2", 2), open("lee", "w2", 3)},
	} {
		require.NotContains(t, fmt.Sprint(ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), events...).Notes), "nobody open", name)
	}
	closed := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), lasting("w", 1), rewrap("w", "w2", 2))
	require.Contains(t, fmt.Sprint(closed.Notes), "nobody opened: 1 wrapped read.")
}

func TestTokenOfARewrappedReadIsKnownIfAnUnwrappingShowsIt(t *testing.T) {
	t.Parallel()
	events := []auditlog.Event{read("bot", "t1", 0), lasting("w", 1), rewrap("w", "w2", 2), unwrap("lee", "w2", "t1", 3)}
	for range 2 {
		a := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), events...)
		require.Equal(t, []string{"userpass-bot read viewer   x1", "userpass-lee unwrapped viewer   x1"}, told(t, a, "readers"))
		require.Equal(t, []string{"userpass-kim wrapped viewer   x1"}, told(t, a, "origin"))
		slices.Reverse(events)
	}
}

func TestTokensThatTheLogDoesNotShowAreListedAsSuch(t *testing.T) {
	t.Parallel()
	a := ask(inquiry.NewTokens(inquiry.Scope{}, "eve"),
		lasting("w", 1), open("eve", "w", 2), lasting("v", 3), rewrap("v", "v2", 4), open("eve", "another's", 9))
	require.True(t, a.Found)
	require.Equal(t, []string{" unwrapped viewer  (not shown) x1", " unwrapped (unknown)  (not shown) x1"}, told(t, a, "tokens"))
	require.Equal(t, []string{" rewrapped  token/viewer  x1"}, told(t, a, "others"))
}

// TestWrappedReadThatCantHaveBeenOfTheTokenIsLeftOut is about other mounts, which have tokens of their own, and other days.
func TestWrappedReadThatCantHaveBeenOfTheTokenIsLeftOut(t *testing.T) {
	t.Parallel()
	const day = 24 * 60
	known := read("bot", "t1", 0)
	known.Token.Expires = noon().Add(time.Hour)
	otherRole := lasting("w", 2)
	otherRole.Role = "of the same app and scopes"
	for name, c := range map[string]struct {
		made   auditlog.Event
		listed bool
	}{
		"of the role and the time":      {lasting("w", 1), true},
		"of a role that may share it":   {otherRole, true},
		"of another mount":              {onB(lasting("w", 1)), false},
		"of after it expired":           {lasting("w", 61), false},
		"of longer before than it may":  {lasting("w", 60-day), false},
		"of no longer before than that": {lasting("w", 61-day), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened := open("eve", "w", 1)
			opened.Time = c.made.Time.Add(time.Second)
			a := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), known, c.made, opened)
			require.Equal(t, c.listed, len(told(t, a, "maybe")) == 1)
			closed := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), known, c.made)
			require.Equal(t, c.listed, strings.Contains(fmt.Sprint(closed.Notes), "nobody open"))
		})
	}
}

func TestReaderWhoOnlyRewrappedIsNotNew(t *testing.T) {
	t.Parallel()
	a := ask(inquiry.NewSummary(inquiry.Scope{Since: noon()}),
		read("bot", "t1", -60), lasting("w", 1), rewrap("w", "w2", 2), open("lee", "w2", 3))
	require.Equal(t, []string{"userpass-lee     x1"}, told(t, a, "new_readers"))
}

// TestFloodOfWrappingsMakesAnAnswerIncomplete has others open wrappings until no more are followed.
func TestFloodOfWrappingsMakesAnAnswerIncomplete(t *testing.T) {
	t.Parallel()
	flood := []auditlog.Event{lasting("w", 1)}
	for i := range 10_001 {
		flood = append(flood, open("mallory", fmt.Sprint("junk ", i), -1))
	}
	a := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), append(flood, open("eve", "w", 2))...)
	require.Equal(t, []string{"userpass-eve unwrapped viewer   x1"}, told(t, a, "maybe"))
	require.True(t, a.Incomplete)
	require.Contains(t, fmt.Sprint(a.Notes), "Left out: 1;")

	a = ask(inquiry.NewReaders(inquiry.Scope{}, "t1"), append(flood, open("eve", "short w", 2))...)
	require.False(t, a.Found)
	require.True(t, a.Incomplete)
}

// TestWrappingInALogThatIsReadTwiceIsCountedOnce has the same files named again and again.
func TestWrappingInALogThatIsReadTwiceIsCountedOnce(t *testing.T) {
	t.Parallel()
	made, opened := inquiry.NewSummary(inquiry.Scope{}), inquiry.NewSummary(inquiry.Scope{})
	for range 10_001 {
		made.Add(lasting("w", 1))
		opened.Add(lasting("w", 1))
		opened.Add(open("eve", "w", 2))
	}
	require.False(t, made.Answer(auditlog.Stats{}).Incomplete)
	a := opened.Answer(auditlog.Stats{})
	require.True(t, a.Incomplete, "there is an end to it")
	require.Equal(t, []string{"userpass-kim wrapped viewer   x10001", "userpass-eve unwrapped viewer   x10000"}, told(t, a, "wrapped"))
}

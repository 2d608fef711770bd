package inquiry_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// noon is when the tests' events begin.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// event is one of kim's, on the role viewer, some minutes past noon.
func event(kind auditlog.Kind, minute int) auditlog.Event {
	return auditlog.Event{
		Time: noon().Add(time.Duration(minute) * time.Minute), Kind: kind, Operation: "read", Mount: "itwin/", Path: "token/viewer",
		Role: "viewer", Address: "192.0.2.7", Reader: by("kim"),
	}
}

func by(name string) auditlog.Reader {
	return auditlog.Reader{Name: "userpass-" + name, Display: "userpass-" + name, Login: name, Entity: "entity-" + name, Policies: "p"}
}

func read(name, token string, minute int) auditlog.Event {
	e := event(auditlog.Read, minute)
	e.Reader, e.Token = by(name), auditlog.Token{ID: token, Access: "hmac of " + token, Scope: "itwin-platform"}
	return e
}

func wrap(name, wrapping string, minute int) auditlog.Event {
	e := event(auditlog.Wrapped, minute)
	e.Reader, e.Made = by(name), []string{wrapping}
	return e
}

// unwrap is as the log shows it: without mount and role, and with HMACs alone.
func unwrap(name, wrapping, token string, minute int) auditlog.Event {
	e := event(auditlog.Unwrapped, minute)
	e.Mount, e.Role, e.Reader = "", "", by(name)
	e.Opened, e.Token = []string{wrapping}, auditlog.Token{ID: "hmac of id of " + token, Access: "hmac of " + token}
	return e
}

// ask asks of a log that holds nothing but the events.
func ask(q inquiry.Question, events ...auditlog.Event) inquiry.Answer {
	read := auditlog.Stats{Lines: int64(len(events))}
	for _, e := range events {
		q.Add(e)
		if e.Mount != "" && !slices.Contains(read.Mounts, e.Mount) {
			read.Mounts = append(read.Mounts, e.Mount)
		}
	}
	return q.Answer(read)
}

// told is a section in short.
func told(t *testing.T, a inquiry.Answer, name string) []string {
	t.Helper()
	for _, section := range a.Sections {
		if section.Name != name {
			continue
		}
		rows := []string{}
		for _, r := range section.Rows {
			rows = append(rows, fmt.Sprintf("%s %s %s %s %s x%d", r.Reader, r.Kind, r.Role, r.Path, r.TokenID, r.Count))
		}
		return rows
	}
	require.FailNow(t, "no such section", name)
	return nil
}

func TestReadersAreThoseWhoWereHandedTheToken(t *testing.T) {
	t.Parallel()
	rotated := event(auditlog.Rotated, 1)
	rotated.Token.ID, rotated.Reader = "t1", by("root")
	a := ask(inquiry.NewReaders(inquiry.Scope{}, "t1"),
		read("lee", "t1", 5), read("kim", "t1", 2), read("kim", "t1", 9), read("kim", "t2", 3), event(auditlog.Denied, 4), rotated)
	require.True(t, a.Found)
	require.Equal(t, []string{"userpass-kim read viewer   x2", "userpass-lee read viewer   x1"}, told(t, a, "readers"))
	require.Equal(t, []string{"userpass-root rotated viewer   x1"}, told(t, a, "origin"))
	row := a.Sections[0].Rows[0]
	require.Equal(t, []time.Time{noon().Add(2 * time.Minute), noon().Add(9 * time.Minute)}, []time.Time{row.First, row.Last})
	require.Equal(t, []string{"entity-kim", "p", "192.0.2.7", "itwin-platform"}, []string{row.Entity, row.Policies, row.Address, row.Scope})
	require.Empty(t, a.Notes)
}

func TestReadersWhoUnwrappedTheTokenAreFoundByItsHMAC(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ids    []string
		events []auditlog.Event
	}{
		"by the HMAC of the token that a plain read shows too": {
			[]string{"t1"},
			[]auditlog.Event{unwrap("lee", "w1", "t1", 3), wrap("kim", "w1", 2), read("bot", "t1", 1)},
		},
		"by the HMAC of its id that Vault was asked for": {
			[]string{"t1", "hmac of id of t1"},
			[]auditlog.Event{wrap("kim", "w1", 2), unwrap("lee", "w1", "t1", 3), unwrap("eve", "w9", "t9", 4)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ask(inquiry.NewReaders(inquiry.Scope{}, c.ids...), c.events...)
			require.Contains(t, told(t, a, "readers"), "userpass-lee unwrapped viewer   x1")
			require.NotContains(t, fmt.Sprint(told(t, a, "readers")), "eve")
			require.NotContains(t, fmt.Sprint(a.Notes), "nobody open")
			require.Equal(t, []string{"userpass-kim wrapped viewer   x1"}, told(t, a, "origin"))
		})
	}
}

func TestNotesDescribeWhatTheLogCantShow(t *testing.T) {
	t.Parallel()
	hashed := read("kim", auditlog.HashPrefix+"00", 1)
	for name, c := range map[string]struct {
		question inquiry.Question
		events   []auditlog.Event
		want     string
	}{
		"ids are HMACs": {inquiry.NewReaders(inquiry.Scope{}, "t1"), []auditlog.Event{hashed}, "Add --vault"},
		"a wrapping was never opened": {
			inquiry.NewReaders(inquiry.Scope{}, "t1"), []auditlog.Event{read("kim", "t1", 1), wrap("lee", "w", 2)}, "nobody opened: 1 wrapped read.",
		},
		"no mount is the plugin's": {inquiry.NewTokens(inquiry.Scope{}, "kim"), nil, "--mount itwin"},
		"the log begins with the window": {
			inquiry.NewSummary(inquiry.Scope{Since: noon()}), []auditlog.Event{read("kim", "t1", 1)}, "Add older files",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, fmt.Sprint(ask(c.question, c.events...).Notes), c.want)
		})
	}
}

func TestTokensOfAReaderByAnyOfItsNames(t *testing.T) {
	t.Parallel()
	denied := event(auditlog.Denied, 8)
	for _, name := range []string{"kim", "userpass-kim", "entity-kim"} {
		a := ask(inquiry.NewTokens(inquiry.Scope{}, name),
			read("kim", "t1", 1), read("kim", "t1", 2), read("lee", "t1", 3), wrap("lee", "w", 4), unwrap("kim", "w", "t2", 5),
			read("lee", "t2", 6), denied)
		require.Equal(t, []string{" read viewer  t1 x2", " unwrapped viewer  t2 x1"}, told(t, a, "tokens"), name)
		require.Equal(t, []string{" denied  token/viewer  x1"}, told(t, a, "others"))
	}
	require.False(t, ask(inquiry.NewTokens(inquiry.Scope{}, "ki"), read("kim", "t1", 1)).Found)
}

func TestUnwrappingOfAnUnseenWrappingHasAnUnknownRole(t *testing.T) {
	t.Parallel()
	a := ask(inquiry.NewTokens(inquiry.Scope{}, "kim"), unwrap("kim", "w", "t1", 5))
	require.Equal(t, []string{" unwrapped (unknown)  hmac of id of t1 x1"}, told(t, a, "tokens"))
}

func TestSummaryListsNewReadersForAnyOrderOfLogs(t *testing.T) {
	t.Parallel()
	changed := event(auditlog.ConfigChanged, 70)
	changed.Role, changed.Path = "", "config"
	defaultRole := read("lee", "t3", 80)
	defaultRole.Role = ""
	a := ask(inquiry.NewSummary(inquiry.Scope{Since: noon().Add(time.Hour), Until: noon().Add(2 * time.Hour)}),
		read("kim", "t2", 61), defaultRole, event(auditlog.Denied, 65), event(auditlog.Denied, 66), event(auditlog.Failed, 67), changed,
		wrap("kim", "w", 68), unwrap("eve", "w", "t2", 69), read("kim", "t1", 5), read("late", "t9", 500), event(auditlog.Denied, 5))
	require.Equal(t, []string{"userpass-kim  viewer   x1", "userpass-lee  (default)   x1"}, told(t, a, "reads"))
	require.Equal(t, []string{"userpass-eve     x1", "userpass-lee     x1"}, told(t, a, "new_readers"))
	require.Equal(t, []string{"userpass-kim   token/viewer  x2"}, told(t, a, "denied"))
	require.Equal(t, []string{"userpass-kim   token/viewer  x1"}, told(t, a, "failed"))
	require.Equal(t, []string{"userpass-kim config changed  config  x1"}, told(t, a, "changes"))
	require.Equal(t, []string{"userpass-kim wrapped viewer   x1", "userpass-eve unwrapped viewer   x1"}, told(t, a, "wrapped"))
	require.Equal(t, "summary from 2026-11-23 13:00 UTC to 2026-11-23 14:00 UTC", a.Subject)
	require.Equal(t, []string{"itwin/"}, a.Log.Mounts)
	require.Equal(t, int64(11), a.Log.Events, "within the summary's time or not")
}

// TestFullTablesCountTheRest floods each question with what was never seen before.
func TestFullTablesCountTheRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		question inquiry.Question
		events   func(i int) []auditlog.Event
		full     map[string]int // the rows of each section
	}{
		"summary": {inquiry.NewSummary(inquiry.Scope{Since: noon()}), everything, map[string]int{
			"unreadable": 10_000, "new_readers": 10_000, "denied": 10_000, "failed": 10_000, "changes": 10_000, "wrapped": 10_000, "reads": 10_000,
		}},
		"readers": {inquiry.NewReaders(inquiry.Scope{}, "t1"), handings, map[string]int{"readers": 100_000, "origin": 10_000}},
		"tokens":  {inquiry.NewTokens(inquiry.Scope{}, "kim"), tokensOfKim, map[string]int{"tokens": 100_000, "others": 10_000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.question.Add(event(auditlog.Read, -1)) // new readers are listed if the log begins before
			flood := slices.Max(slices.Collect(maps.Values(c.full))) + 3
			for i := range flood {
				for _, e := range c.events(i) {
					c.question.Add(e)
				}
			}
			full := make(map[string]int)
			for _, section := range c.question.Answer(auditlog.Stats{}).Sections {
				if len(section.Rows) > 0 {
					full[section.Name] = len(section.Rows)
					require.GreaterOrEqual(t, section.More, flood-len(section.Rows), section.Name)
				}
			}
			require.Equal(t, c.full, full)
		})
	}
}

// everything is an event for each table of the summary, and nothing in them has been there before.
func everything(i int) []auditlog.Event {
	name := strconv.Itoa(i)
	all := []auditlog.Event{
		read(name, "token-"+name, i), wrap(name, "w-"+name, i), event(auditlog.Unreadable, i),
		event(auditlog.ConfigChanged, i), event(auditlog.Failed, i), event(auditlog.Denied, i),
	}
	for k := range all {
		all[k].Reader, all[k].Role, all[k].Path = by(name), name, "token/"+name
	}
	return all
}

// handings are a read of the token by another reader through another role, and a rotation to it.
func handings(i int) []auditlog.Event {
	name := strconv.Itoa(i)
	handed, rotated := read(name, "t1", 0), event(auditlog.Rotated, 0)
	handed.Role = name
	rotated.Reader, rotated.Role, rotated.Token.ID = by(name), name, "t1"
	return []auditlog.Event{handed, rotated}
}

// tokensOfKim are another token that kim was handed, and another path that was refused.
func tokensOfKim(i int) []auditlog.Event {
	name := strconv.Itoa(i)
	denied := event(auditlog.Denied, i)
	denied.Path = "token/" + name
	return []auditlog.Event{read("kim", "token-"+name, i), denied}
}

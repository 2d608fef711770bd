package auditlog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// opening is an unwrapping by kim of a wrapping that is named in the body, with an answer that shows nothing.
func opening() auditlogtest.Line {
	line := read()
	line.Mount, line.MountType, line.Path, line.Operation, line.Token = "sys/", "system", "sys/wrapping/unwrap", "update", ""
	line.Body, line.Data = `{"token":"`+auditlogtest.Hash("w")+`"}`, `{"http_raw_body":"hmac-sha256:00","http_status_code":200}`
	return line
}

// held is the same by whoever held the wrapping, and used its own token.
func held(line auditlogtest.Line) auditlogtest.Line {
	line.Display, line.User, line.Entity, line.Policy, line.Holder, line.Body = "", "", "", "response-wrapping", "w", ""
	return line
}

// cubbyhole is a read of what the wrapping holds where Vault keeps it.
func cubbyhole() auditlogtest.Line {
	line := held(opening())
	line.Mount, line.MountType, line.Path, line.Operation = "cubbyhole/", "cubbyhole", "cubbyhole/response", "read"
	line.Data = `{"response":"hmac-sha256:00"}`
	return line
}

func TestWrappingsAreOpenedInManyWays(t *testing.T) {
	t.Parallel()
	byBody := []string{auditlogtest.Hash("w")}
	// The request's own HMAC is of the token's shorter form.
	byHolder := []string{
		auditlogtest.Hash("w"), "hmac-sha256:1b7a0c46fece38af83df1d87a7502676a5773be56ff6ebaead43b2d4a7bc5390",
		auditlogtest.Accessor("w"),
	}
	for name, c := range map[string]struct {
		line   auditlogtest.Line
		kind   auditlog.Kind // empty for no event
		opened []string
	}{
		"by an unwrapping that shows a token's keys": {changed(opening(), func(l *auditlogtest.Line) {
			l.Token, l.Wrapping, l.Hashed = "token-1", "w", true
		}), auditlog.Unwrapped, byBody},
		"by one whose answer is one string": {opening(), auditlog.Unwrapped, byBody},
		"by one whose answer isn't logged":  {changed(opening(), func(l *auditlogtest.Line) { l.Data = "" }), auditlog.Unwrapped, byBody},
		"by its own token":                  {held(opening()), auditlog.Unwrapped, byHolder},
		"by a read of its cubbyhole":        {cubbyhole(), auditlog.Unwrapped, byHolder},
		"by a read that says it is of another": {changed(cubbyhole(), func(l *auditlogtest.Line) {
			l.Body = `{"token":"x"}`
		}), auditlog.Unwrapped, byHolder},
		"by an unwrapping of what a cubbyhole gave in a wrapping": {changed(opening(), func(l *auditlogtest.Line) {
			l.Data = `{"response":"hmac-sha256:00"}`
		}), auditlog.Unwrapped, byBody},
		"by an unwrapping into another": {changed(opening(), func(l *auditlogtest.Line) {
			l.Data, l.Wrapping = "", "w2"
		}), auditlog.Rewrapped, byBody},
		"by a read of its cubbyhole into another": {changed(cubbyhole(), func(l *auditlogtest.Line) {
			l.Data, l.Wrapping = "", "w2"
		}), auditlog.Rewrapped, byHolder},
		"by a rewrapping": {changed(opening(), func(l *auditlogtest.Line) {
			l.Path, l.Data, l.Wrapping = "sys/wrapping/rewrap", "", "w2"
		}), auditlog.Rewrapped, byBody},
		"whatever looks like its name to encoding/json": {changed(opening(), func(l *auditlogtest.Line) {
			l.Body = `{"token":"` + auditlogtest.Hash("w") + `","to` + "\u212a" + `en":"hmac-sha256:00","TOKEN":"x"}`
		}), auditlog.Unwrapped, byBody},
		"but not where Vault refused it": {changed(opening(), func(l *auditlogtest.Line) { l.Policy = "" }), "", nil},
		"nor where it was none": {changed(opening(), func(l *auditlogtest.Line) {
			l.Data = `{"error":"hmac-sha256:00"}`
		}), "", nil},
		"nor where another engine's secret came out": {changed(opening(), func(l *auditlogtest.Line) {
			l.Data = `{"password":"hmac-sha256:00"}`
		}), "", nil},
		"nor by a read of one's own cubbyhole": {changed(cubbyhole(), func(l *auditlogtest.Line) {
			l.Holder, l.Policy, l.Display = "", "default", "wrapping"
		}), "", nil},
		"nor by a look at it": {changed(opening(), func(l *auditlogtest.Line) {
			l.Path, l.Data = "sys/wrapping/lookup", `{"creation_path":"itwin/token"}`
		}), "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, stats := scan(t, lines(c.line))
			require.Zero(t, stats.Damaged)
			if c.kind == "" {
				require.Empty(t, events)
				return
			}
			require.Len(t, events, 1)
			require.Equal(t, []any{c.kind, c.opened, "", c.line.Path}, []any{events[0].Kind, events[0].Opened, events[0].Mount, events[0].Path})
		})
	}
}

func changed(line auditlogtest.Line, change func(*auditlogtest.Line)) auditlogtest.Line {
	change(&line)
	return line
}

func TestWrappingIsKnownByTokenAndAccessorAsLongAsItLasts(t *testing.T) {
	t.Parallel()
	wrapped, rewrapped := read(), opening()
	wrapped.Token, wrapped.Wrapping = "", "w"
	rewrapped.Data, rewrapped.Wrapping = "", "w2"
	events, _ := scan(t, lines(wrapped, rewrapped))
	for i, wrapping := range []string{"w", "w2"} {
		require.Equal(t, []string{auditlogtest.Hash(wrapping), auditlogtest.Accessor(wrapping)}, events[i].Made)
		require.Equal(t, wrapped.Time.Add(time.Minute), events[i].Until)
	}
}

func TestReaderWithoutAnIdentityIsTheHolderOfTheWrapping(t *testing.T) {
	t.Parallel()
	events, _ := scan(t, lines(cubbyhole()))
	require.Equal(t, auditlog.Reader{Name: "(holder of the wrapping)", Policies: "response-wrapping"}, events[0].Reader)
}

// TestTokensThatADeviceWritesRawAreToldApart is about log_raw, and tokens that differ only where they are long already.
func TestTokensThatADeviceWritesRawAreToldApart(t *testing.T) {
	t.Parallel()
	begin := strings.Repeat("x", 1500)
	raw := func(token string) string {
		return strings.Replace(lines(read()), auditlogtest.Hash("token-1"), token, 1)
	}
	events, _ := scan(t, raw(begin+"1")+raw(begin+"2")+raw(begin+"1"))
	require.Equal(t, events[0], events[2])
	require.NotEqual(t, events[0].Token.Access, events[1].Token.Access)
	require.LessOrEqual(t, len(events[0].Token.Access), 1<<10)
}

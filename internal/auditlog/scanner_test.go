package auditlog_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// read is a token that was handed out, as most tests need it.
func read() auditlogtest.Line {
	return auditlogtest.Line{
		Time: time.Date(2026, 11, 23, 9, 0, 0, 123, time.UTC), Display: "userpass-kim", User: "kim", Entity: "e-1",
		Policy: "viewers", Path: "itwin/token/viewer", Address: "192.0.2.7", Token: "token-1",
	}
}

func scan(t *testing.T, log string, mounts ...string) ([]auditlog.Event, auditlog.Stats) {
	t.Helper()
	var events []auditlog.Event
	scanner := auditlog.NewScanner(auditlog.NewMounts(mounts...))
	require.NoError(t, scanner.Scan(strings.NewReader(log), func(e auditlog.Event) { events = append(events, e) }))
	return events, scanner.Stats()
}

func lines(all ...auditlogtest.Line) string {
	var log []byte
	for _, line := range all {
		log = line.Append(log)
	}
	return string(log)
}

func TestReadHasReaderTokenAndRole(t *testing.T) {
	t.Parallel()
	request := read()
	request.Type, request.Token = "request", ""
	events, stats := scan(t, lines(request, read()))
	require.Equal(t, auditlog.Stats{Lines: 2, Mounts: []string{"itwin/"}}, stats)
	require.Equal(t, []auditlog.Event{{
		Time: read().Time, Kind: auditlog.Read, Operation: "read", Mount: "itwin/", Path: "token/viewer", Role: "viewer", Address: "192.0.2.7",
		Reader: auditlog.Reader{Name: "userpass-kim", Login: "kim", Display: "userpass-kim", Entity: "e-1", Policies: "viewers"},
		Token: auditlog.Token{
			ID: auditlogtest.ID("token-1"), Access: auditlogtest.Hash("token-1"), Scope: "itwin-platform",
			Expires: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		},
	}}, events)
}

func TestKindsOfEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*auditlogtest.Line)
		want   auditlog.Kind // empty for no event
	}{
		"a write to the token is a read": {func(l *auditlogtest.Line) {
			l.Operation = "update"
		}, auditlog.Read},
		"a wrapped answer names no token": {func(l *auditlogtest.Line) {
			l.Token, l.Wrapping = "", "w"
		}, auditlog.Wrapped},
		"an unwrapped token is recognized by its keys": {func(l *auditlogtest.Line) {
			l.Mount, l.MountType, l.Path, l.Hashed = "sys/", "system", "sys/wrapping/unwrap", true
		}, auditlog.Unwrapped},
		"an unwrapped secret of another engine is none": {func(l *auditlogtest.Line) {
			l.Mount, l.MountType, l.Path, l.Token, l.Data = "sys/", "system", "sys/wrapping/unwrap", "", `{"password":"hmac-sha256:00"}`
		}, ""},
		"a refusal by policy is a denial": {func(l *auditlogtest.Line) {
			l.Policy, l.Token = "", ""
		}, auditlog.Denied},
		"a rotation is told apart from a read": {func(l *auditlogtest.Line) {
			l.Path, l.Operation = "itwin/rotate/viewer", "update"
		}, auditlog.Rotated},
		"a config write is a change": {func(l *auditlogtest.Line) {
			l.Path, l.Operation, l.Token = "itwin/config", "create", ""
		}, auditlog.ConfigChanged},
		"a further app's deletion is a change": {func(l *auditlogtest.Line) {
			l.Path, l.Operation, l.Token = "itwin/config/b", "delete", ""
		}, auditlog.ConfigChanged},
		"a role's patch is a change": {func(l *auditlogtest.Line) {
			l.Path, l.Operation, l.Token = "itwin/role/x", "patch", ""
		}, auditlog.RoleChanged},
		"reading a config is nothing to tell": {func(l *auditlogtest.Line) {
			l.Path, l.Token = "itwin/config", ""
		}, ""},
		"introspection hands out no token": {func(l *auditlogtest.Line) {
			l.Path, l.Operation = "itwin/introspect", "update"
		}, ""},
		"a denied read of status is told": {func(l *auditlogtest.Line) {
			l.Path, l.Policy, l.Token = "itwin/status", "", ""
		}, auditlog.Denied},
		"another engine's read is none": {func(l *auditlogtest.Line) {
			l.MountType, l.Mount, l.Path = "kv", "secret/", "secret/token/viewer"
		}, ""},
		"the request before the answer is none": {func(l *auditlogtest.Line) {
			l.Type = "request"
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := read()
			c.change(&line)
			events, stats := scan(t, lines(line))
			require.Zero(t, stats.Damaged)
			if c.want == "" {
				require.Empty(t, events)
				return
			}
			require.Len(t, events, 1)
			require.Equal(t, c.want, events[0].Kind)
		})
	}
}

func TestPrefixesAndRewrittenJSONAreUnderstood(t *testing.T) {
	t.Parallel()
	shipped := strings.ReplaceAll(lines(read()), `":`, `": `)
	events, _ := scan(t, "Nov 23 09:00:00 host vault[7]: @cee: "+lines(read())+shipped)
	require.Len(t, events, 2)
	require.Equal(t, events[0], events[1])
}

func TestCompressedLogsAreRead(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	for range 2 { // logrotate may append one member to another
		zipped := gzip.NewWriter(&log)
		_, err := io.WriteString(zipped, lines(read()))
		require.NoError(t, err)
		require.NoError(t, zipped.Close())
	}
	events, _ := scan(t, log.String())
	require.Len(t, events, 2)

	scanner := auditlog.NewScanner(auditlog.NewMounts())
	err := scanner.Scan(bytes.NewReader(log.Bytes()[:log.Len()-20]), func(auditlog.Event) {})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestFailingReaderIsAnError(t *testing.T) {
	t.Parallel()
	scanner := auditlog.NewScanner(auditlog.NewMounts())
	log := io.MultiReader(strings.NewReader(lines(read())), iotest.ErrReader(io.ErrClosedPipe))
	events := 0
	require.ErrorIs(t, scanner.Scan(log, func(auditlog.Event) { events++ }), io.ErrClosedPipe)
	require.Equal(t, 1, events)
}

func TestNamesOfReaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		line auditlogtest.Line
		want string
	}{
		"the display name where it holds the user's":    {auditlogtest.Line{Display: "userpass-kim", User: "kim"}, "userpass-kim"},
		"both where it doesn't, as with AppRole":        {auditlogtest.Line{Display: "approle", User: "ci"}, "approle ci"},
		"the entity where there is nothing else":        {auditlogtest.Line{Entity: "e-1"}, "e-1"},
		"nobody where Vault didn't know who was asking": {auditlogtest.Line{}, "(nobody: no valid Vault token)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.line.Time, c.line.Path = read().Time, "itwin/token"
			events, _ := scan(t, lines(c.line))
			require.Equal(t, c.want, events[0].Reader.Name)
		})
	}
}

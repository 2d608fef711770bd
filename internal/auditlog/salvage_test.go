package auditlog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/auditlogtest"
)

// kim is the reader of read, as far as a damaged line tells.
func kim() auditlog.Reader {
	return auditlog.Reader{Name: "userpass-kim", Login: "kim", Display: "userpass-kim", Entity: "e-1", Policies: "viewers"}
}

// TestTruncatedLineIsNotSkipped is about what syslog does to long ones.
func TestTruncatedLineIsNotSkipped(t *testing.T) {
	t.Parallel()
	unwrapped := opening()
	unwrapped.Token, unwrapped.Wrapping, unwrapped.Hashed = "token-1", "w", true
	for name, line := range map[string]auditlogtest.Line{"a read": read(), "an unwrapping": unwrapped} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := strings.TrimSuffix(lines(line), "\n")
			told := strings.Index(whole, `,"request":`)
			for end := range len(whole) {
				events, stats := scan(t, whole[:end])
				switch {
				case end == 0:
					require.Zero(t, stats.Lines)
				case end < told:
					require.Equal(t, int64(1), stats.Damaged+int64(len(events)), whole[:end])
				default:
					require.Len(t, events, 1, whole[:end])
					require.Equal(t, []any{auditlog.Unreadable, kim(), int64(0)}, []any{events[0].Kind, events[0].Reader, stats.Damaged})
				}
			}
		})
	}
}

func TestDamagedLines(t *testing.T) {
	t.Parallel()
	good, other := lines(read()), read()
	_, headless, _ := strings.Cut(good, `"mount_point"`)
	other.MountType, other.Mount, other.Path = "kv", "secret/", "secret/data/app"
	request := read()
	request.Type = "request"
	for name, c := range map[string]struct {
		line   string
		reader string // of the unreadable entry; empty if the line is skipped
		mount  string
	}{
		"what is no JSON is skipped":                   {"not json\n", "", ""},
		"so is the server's own log":                   {"[INFO] core: mounted: path=itwin/ type=" + auditlog.PluginName + " {\n", "", ""},
		"so is another engine's entry, cut off":        {cut(other, `,"remote_address"`), "", ""},
		"so is a request, as its response comes after": {strings.TrimSpace(lines(request)) + "}\n", "", ""},
		"an entry without a colon is not":              {strings.Replace(good, `"path":`, `"path" `, 1), "userpass-kim", "itwin/"},
		"nor one with a time that is none":             {strings.Replace(good, `"2026-11-23T09`, `"yesterday`, 1), "userpass-kim", "itwin/"},
		"nor one without a time":                       {strings.Replace(good, `"time":`, `"when":`, 1), "userpass-kim", "itwin/"},
		"nor one followed by something":                {strings.TrimSpace(good) + "}\n", "userpass-kim", "itwin/"},
		"nor one that zeros were written to":           {strings.Replace(good, "192.0.2.7", "192.\x00\x00", 1), "userpass-kim", "itwin/"},
		"nor one with an unknown escape":               {strings.Replace(good, "192.0.2.7", `\q`, 1), "userpass-kim", "itwin/"},
		"nor one with too much in it": {
			strings.Replace(good, `"policies":["default"`, `"policies":["default"`+strings.Repeat(`,"p"`, 1<<19), 1), "userpass-kim", "",
		},
		"nor one cut off before its mount":     {cut(read(), `,"mount_point"`), "userpass-kim", ""},
		"nor another's, cut off before it":     {cut(other, `,"mount_point"`), "userpass-kim", ""},
		"nor one cut off after it":             {cut(read(), `,"operation"`), "userpass-kim", "itwin/"},
		"nor one whose namespace is lost":      {cut(read(), `,"namespace"`), "userpass-kim", ""},
		"nor one whose reader is lost":         {headless, "(unknown)", ""},
		"nor a long one whose reader is lost":  {`{"x":` + strings.Repeat("x", buffer) + "\n", "(unknown)", ""},
		"nor an unwrapping, whose path is all": {cut(opening(), `,"remote_address"`), "userpass-kim", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alone, _ := scan(t, c.line)
			events, stats := scan(t, c.line+good)
			require.Equal(t, int64(2), stats.Lines)
			require.ElementsMatch(t, alone, events[:len(events)-1])
			if c.reader == "" {
				require.Empty(t, alone)
				require.Equal(t, int64(1), stats.Damaged)
				return
			}
			require.Zero(t, stats.Damaged)
			require.Len(t, alone, 1)
			require.Equal(t, []any{auditlog.Unreadable, c.reader, c.mount}, []any{alone[0].Kind, alone[0].Reader.Name, alone[0].Mount})
		})
	}
}

func TestDamagedLineOfANamedMountIsNotSkipped(t *testing.T) {
	t.Parallel()
	other := read()
	other.MountType, other.Mount, other.Path = "renamed-plugin", "bentley/prod/", "bentley/prod/token"
	_, headless, _ := strings.Cut(lines(other), `"mount_point"`)
	events, stats := scan(t, headless)
	require.Empty(t, events)
	require.Equal(t, int64(1), stats.Damaged)
	events, _ = scan(t, headless, "bentley/prod/")
	require.Len(t, events, 1)
	require.Equal(t, auditlog.Unreadable, events[0].Kind)
}

// cut is a line that ends before a text.
func cut(line auditlogtest.Line, before string) string {
	head, _, _ := strings.Cut(lines(line), before)
	return head + "\n"
}

func TestDeniedEntryThatIsCutOffSaysSo(t *testing.T) {
	t.Parallel()
	denied := read()
	denied.Policy, denied.Token = "", ""
	events, _ := scan(t, cut(denied, `,"headers"`))
	require.Equal(t, "permission denied", events[0].Detail)
}

// TestTimesOutsideYears1To9999AreUnreadable: JSON and RFC 3339 have the years 1 to 9999, in UTC or elsewhere.
func TestTimesOutsideYears1To9999AreUnreadable(t *testing.T) {
	t.Parallel()
	for at, good := range map[string]bool{
		"9999-12-31T23:59:59.999999999Z": true,
		"9999-12-31T23:59:59-10:00":      false,
		"0001-01-01T00:00:01Z":           true,
		"0001-01-01T00:00:00Z":           false, // which stands for no time
		"0001-01-01T00:00:01+10:00":      false,
		"0000-06-01T00:00:00Z":           false,
	} {
		events, _ := scan(t, strings.Replace(lines(read()), read().Time.Format(time.RFC3339Nano), at, 1))
		require.Len(t, events, 1, at)
		if !good {
			require.Equal(t, auditlog.Unreadable, events[0].Kind, at)
			require.Zero(t, events[0].Time, at)
			continue
		}
		require.Equal(t, auditlog.Read, events[0].Kind, at)
		requireWritable(t, events[0].Time)
	}
	for _, seconds := range []string{"253402300799", "253402300800", "99999999999999", "9223372036854775807", "1e99", "-1", `"x"`, "{}"} {
		events, _ := scan(t, strings.Replace(lines(read()), `"expires_at_unix":1795428000`, `"expires_at_unix":`+seconds, 1))
		require.Equal(t, auditlog.Read, events[0].Kind, seconds)
		require.Equal(t, seconds == "253402300799", !events[0].Token.Expires.IsZero(), seconds)
		requireWritable(t, events[0].Token.Expires)
	}
}

func requireWritable(t *testing.T, at time.Time) {
	t.Helper()
	_, err := at.MarshalJSON()
	require.NoError(t, err)
}

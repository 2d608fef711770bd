package inquiry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// failed is a failure of somebody's read, with a text.
func failed(name string, minute int, text string) auditlog.Event {
	e := event(auditlog.Failed, minute)
	e.Reader, e.Detail, e.Path, e.Role = by(name), text, "token/"+name, name
	return e
}

// failures are the rows of a summary's failures.
func failures(t *testing.T, events ...auditlog.Event) []inquiry.Row {
	t.Helper()
	for _, section := range ask(inquiry.NewSummary(inquiry.Scope{}), events...).Sections {
		if section.Name == "failed" {
			return section.Rows
		}
	}
	require.FailNow(t, "no such section")
	return nil
}

// TestFailuresOfOneCauseAreOneRow has texts in several wordings, each with what differs from one failure to the next.
func TestFailuresOfOneCauseAreOneRow(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]func(i int, at string) string{
		"as the engine has worded it": func(i int, at string) string {
			return fmt.Sprintf("IMS at ims.bentley.com can't be reached, stage DNS: no such host (correlation id "+
				"8a6e0804-2bd0-4672-b79d-d97027f9%04d); failing since %s, next attempt at %s. Behind a proxy, set HTTPS_PROXY", i, at, at)
		},
		"in another order": func(i int, at string) string {
			return fmt.Sprintf("next attempt at %s (%d readers are waiting, attempt %d): could not mint a token, "+
				"IMS did not answer within %d.5s", at, i, i, i)
		},
		"with an id of another form": func(i int, _ string) string {
			return fmt.Sprintf("IMS rejected the token request (status 401): invalid_client (correlation_id=0HMVF%dKQ:0000%d)", i, i)
		},
		"with an id without digits": func(i int, _ string) string {
			return "IMS responded with status 503 (request id: " + string(rune('a'+i)) + "bcd)"
		},
		"with a hash, a clock and minutes": func(i int, _ string) string {
			return fmt.Sprintf("at 09:%02d:01 trace %032x ended after %dm%ds, %dh3m0.25s or %d ms", i, i, i, i, i, i)
		},
		"with ports": func(i int, _ string) string {
			return fmt.Sprintf("127.0.0.1:%d to https://ims.example:%d/connect/token: connection reset", 40_000+i, 50_000+i)
		},
		"with a fraction and a zone": func(i int, _ string) string {
			return fmt.Sprintf("failing since 2026-11-23T09:00:00.%09d+01:00, which is %d.%d %% of the time", i, i, i)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var events []auditlog.Event
			for i := range 9 {
				at := noon().Add(time.Duration(i) * time.Minute)
				events = append(events, failed(fmt.Sprint("kim", i%3), i, text(i, at.Format(time.RFC3339))))
			}
			events[4], events[8] = events[8], events[4] // logs come in any order
			rows := failures(t, events...)
			require.Len(t, rows, 1)
			row := rows[0]
			require.Equal(t, text(8, noon().Add(8*time.Minute).Format(time.RFC3339)), row.Detail, "the latest is the example")
			require.Equal(t, []any{9, 3, noon(), noon().Add(8 * time.Minute)}, []any{row.Count, row.Readers, row.First, row.Last})
			require.Equal(t, inquiry.Subject{Mount: "itwin/", Address: "192.0.2.7", Operation: "read", Detail: row.Detail}, row.Subject,
				"what the failures have in common")
		})
	}
}

func TestFailuresOfDifferentCausesStayApart(t *testing.T) {
	t.Parallel()
	texts := []string{
		"IMS at ims.bentley.com responded with status 502", "IMS at ims.bentley.com responded with status 503",
		"IMS at ims.bentley.com responded with HTTP 503", "IMS at qa-ims.bentley.com responded with status 503",
		"IMS rejected the token request (status 400): invalid_client", "IMS rejected the token request (status 400): invalid_scope",
		"10.0.0.1 refused the connection", "10.0.0.2 refused the connection", "tls12 is needed", "tls13 is needed",
	}
	var events []auditlog.Event
	for i, text := range texts {
		events = append(events, failed("kim", i, text), failed("kim", i, text))
	}
	require.Len(t, failures(t, events...), len(texts))
}

func TestFailuresWhoseCauseTheLogHidesAreToldApartByReaderAndPath(t *testing.T) {
	t.Parallel()
	rows := failures(t, failed("kim", 1, ""), failed("kim", 2, ""), failed("lee", 3, ""))
	require.Len(t, rows, 2)
	require.Equal(t, []any{"userpass-kim", "token/kim", 2, 1}, []any{rows[0].Reader, rows[0].Path, rows[0].Count, rows[0].Readers})
}

func TestFailuresOfOneReaderAreOneRowByCauseAmongTheTokensToo(t *testing.T) {
	t.Parallel()
	a := ask(inquiry.NewTokens(inquiry.Scope{}, "kim"), failed("kim", 1, "failing for 1s"), failed("kim", 2, "failing for 2s"),
		failed("kim", 3, "refused"))
	require.Equal(t, []string{" failed  token/kim  x2", " failed  token/kim  x1"}, told(t, a, "others"))
	require.Equal(t, "failing for 2s", a.Sections[1].Rows[0].Detail)
}

func BenchmarkCause(b *testing.B) {
	q := inquiry.NewSummary(inquiry.Scope{})
	e := failed("kim", 1, "IMS at ims.bentley.com can't be reached, stage DNS: no such host (correlation id "+
		"8a6e0804-2bd0-4672-b79d-d97027f90000); failing since 2026-11-23T09:00:00Z, next attempt at 2026-11-23T09:00:30Z. Set HTTPS_PROXY")
	for b.Loop() {
		q.Add(e)
	}
}

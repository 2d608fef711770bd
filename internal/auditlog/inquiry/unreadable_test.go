package inquiry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
)

// lost is an entry of kim's that was cut off before it named a mount or a time.
func lost() auditlog.Event {
	return auditlog.Event{Kind: auditlog.Unreadable, Reader: by("kim")}
}

func TestUnreadableEntriesAreInEachAnswerTheyMayBelongTo(t *testing.T) {
	t.Parallel()
	asked := inquiry.Scope{Since: noon(), Mounts: []string{"itwin/"}}
	early, elsewhere, here := lost(), onB(lost()), lost()
	early.Time, here.Mount = noon().Add(-time.Hour), "itwin/"
	nobody := lost()
	nobody.Reader = auditlog.Reader{Name: auditlog.UnknownReader}
	for name, c := range map[string]struct {
		question inquiry.Question
		event    auditlog.Event
		listed   bool
	}{
		"of readers":                    {inquiry.NewReaders(asked, "t1"), lost(), true},
		"of a summary":                  {inquiry.NewSummary(asked), lost(), true},
		"of the reader's tokens":        {inquiry.NewTokens(asked, "kim"), lost(), true},
		"of anyone's tokens, if unsure": {inquiry.NewTokens(asked, "lee"), nobody, true},
		"of the mount":                  {inquiry.NewReaders(asked, "t1"), here, true},
		"but not of another reader":     {inquiry.NewTokens(asked, "lee"), lost(), false},
		"nor of another mount":          {inquiry.NewReaders(asked, "t1"), elsewhere, false},
		"nor of another time":           {inquiry.NewReaders(asked, "t1"), early, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ask(c.question, c.event, c.event)
			require.False(t, a.Found)
			require.Equal(t, c.listed, a.Incomplete)
			if !c.listed {
				require.NotEqual(t, "unreadable", a.Sections[0].Name)
				require.NotContains(t, fmt.Sprint(a.Notes), "unreadable")
				return
			}
			require.Equal(t, []string{c.event.Reader.Name + " unreadable    x2"}, told(t, a, "unreadable"))
			require.Equal(t, "unreadable", a.Sections[0].Name)
			require.Equal(t, 2, a.Log.Unreadable)
			require.Zero(t, a.Log.Events)
			require.Contains(t, fmt.Sprint(a.Notes), "2 unreadable lines")
		})
	}
}

package main

import (
	"testing"

	goversion "github.com/hashicorp/go-version"
	"github.com/stretchr/testify/require"
)

func TestRunningVersion(t *testing.T) {
	t.Parallel()
	for linked, want := range map[string]string{
		"v1.2.3":                   "v1.2.3",
		"1.2.3":                    "v1.2.3",
		"v1.2.3-rc.1+4.gabc.dirty": "v1.2.3-rc.1+4.gabc.dirty",
	} {
		require.Equal(t, want, runningVersion(linked))
	}
}

func TestRunningVersionIsAlwaysASemVer(t *testing.T) {
	t.Parallel()
	for _, linked := range []string{"", "dev", "v1", "main-12-gabc", "$(git describe)"} {
		_, err := goversion.NewSemver(runningVersion(linked))
		require.NoError(t, err, linked)
	}
}

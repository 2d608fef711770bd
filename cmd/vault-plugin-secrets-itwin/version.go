package main

import (
	"runtime/debug"

	goversion "github.com/hashicorp/go-version"
)

// unversioned is what a build without a version calls itself.
const unversioned = "v0.0.0-unversioned"

// runningVersion is what the linker set, else what `go install` recorded, and
// always a SemVer: Vault refuses to mount a plugin that reports anything else.
func runningVersion(linked string) string {
	candidates := []string{linked}
	if info, ok := debug.ReadBuildInfo(); ok {
		candidates = append(candidates, info.Main.Version)
	}
	for _, candidate := range candidates {
		if v, err := goversion.NewSemver(candidate); err == nil {
			return "v" + v.String()
		}
	}
	return unversioned
}

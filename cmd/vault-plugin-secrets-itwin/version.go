package main

import (
	"runtime/debug"

	goversion "github.com/hashicorp/go-version"
)

// unversioned is the version of a build without one.
const unversioned = "v0.0.0-unversioned"

// runningVersion returns the version that the linker set, or else the one that `go
// install` recorded. It is always a SemVer: Vault refuses a plugin that reports anything
// else.
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

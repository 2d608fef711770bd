package release

import (
	"fmt"
	"slices"
	"strings"
)

// Platform is what a binary runs on, in Go's words.
type Platform struct{ OS, Arch string }

// AllPlatforms are those that a release is made for.
func AllPlatforms() []Platform {
	return []Platform{
		{"darwin", "amd64"},
		{"darwin", "arm64"},
		{"freebsd", "amd64"},
		{"linux", "386"},
		{"linux", "amd64"},
		{"linux", "arm"},
		{"linux", "arm64"},
		{"windows", "amd64"},
	}
}

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// file is a program's name on the platform.
func (p Platform) file(program string) string {
	if p.OS == "windows" {
		return program + ".exe"
	}
	return program
}

// level is the oldest processor that the platform's binaries run on, as Go records it in them.
func (p Platform) level() (name, value string) {
	switch p.Arch {
	case "386":
		return "GO386", "sse2"
	case "arm":
		return "GOARM", "7"
	case "arm64":
		return "GOARM64", "v8.0"
	}
	return "GOAMD64", "v1"
}

// parsePlatforms returns the named ones in the order of AllPlatforms, each once; all if none is named.
func parsePlatforms(names []string) ([]Platform, error) {
	if len(names) == 0 {
		return AllPlatforms(), nil
	}
	var known []string
	var wanted []Platform
	for _, p := range AllPlatforms() {
		known = append(known, p.String())
		if slices.Contains(names, p.String()) {
			wanted = append(wanted, p)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no release is made for %q: choose from %s", name, strings.Join(known, ", "))
		}
	}
	return wanted, nil
}

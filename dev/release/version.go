package release

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// checkVersion wants what Vault takes for a plugin's version, less build metadata: two releases that differ in it
// alone would count as one version.
func checkVersion(version string) error {
	const advice = "run `make release VERSION=v1.2.3`"
	switch {
	case version == "":
		return fmt.Errorf("VERSION is missing: %s", advice)
	case semver.Build(version) != "":
		return fmt.Errorf("VERSION %s has build metadata, which a release can't have: run `make release VERSION=%s`",
			version, semver.Canonical(version))
	// semver takes v1 and v1.2 too.
	case !semver.IsValid(version) || semver.Canonical(version) != version:
		return fmt.Errorf("VERSION %q is not a SemVer with a leading v, such as v1.2.3 or v1.2.3-rc.1: %s", version, advice)
	}
	return nil
}

// bare is the version as names of files have it, and as HashiCorp's own do.
func bare(version string) string { return strings.TrimPrefix(version, "v") }

#!/usr/bin/env bash
# Prints the plugin's version as Vault requires it, a SemVer with a leading v:
#   v0.2.0             the commit with that tag
#   v0.2.0+3.g1a2b3c4  three commits later (.dirty if files have changed since)
#   v0.1.0-dev         no tag, or no git
# The commits are build metadata, not a pre-release, because v0.2.0-3-g1a2b3c4 would sort before v0.2.0.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

semver='^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$'

version=""
# An archive of the sources may be inside another repository, whose tags don't apply.
if [[ -e .git ]]; then
	version="$(git describe --tags --match 'v[0-9]*.[0-9]*.[0-9]*' --long --dirty=.dirty 2>/dev/null |
		sed -E -e 's/-0-g[0-9a-f]+$//' -e 's/-0-g([0-9a-f]+)\.dirty$/+g\1.dirty/' -e 's/-([0-9]+)-g([0-9a-f]+)/+\1.g\2/')" || true
fi

if [[ ! $version =~ $semver ]]; then
	version=v0.1.0-dev
fi
echo "$version"

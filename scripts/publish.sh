#!/usr/bin/env bash
# Creates a draft release on GitHub from the output of `make release`: publish.sh v1.2.3. Only maintainers see a draft. One
# of them compares it with a build of their own, adds a signature, and publishes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

refuse() {
	echo "publish.sh: $*" >&2
	exit 1
}

version="${1:-}"
files="dist/$version"
[[ -n $version ]] || refuse "VERSION is missing: run make publish VERSION=vX.Y.Z"
[[ -f $files/SHA256SUMS && -f $files/release-notes.md ]] || refuse "$files holds no release: run make release VERSION=$version first"
command -v gh >/dev/null || refuse "gh, the command of https://cli.github.com, is not on the PATH: install it and run gh auth login"

kind=()
if [[ $version == *-* ]]; then
	kind=(--prerelease)
fi
# Without --verify-tag, gh would create a missing tag.
exec gh release create "$version" --draft --verify-tag "${kind[@]+"${kind[@]}"}" --title "$version" \
	--notes-file "$files/release-notes.md" "$files"/*

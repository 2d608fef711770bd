#!/usr/bin/env bash
# Makes what users download of a version: release.sh v1.2.3. The files replace those of an earlier run in dist/<version>; a
# run that fails changes nothing. .goreleaser.yaml says what is built. GPG_KEY and COSIGN_KEY name keys to sign with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset GOOS GOARCH                           # which platforms to build for isn't the environment's choice
unset GITHUB_TOKEN GITLAB_TOKEN GITEA_TOKEN # goreleaser publishes nothing here, but looks at them
export TZ=UTC # a zip holds local times
export GOWORK=off # goreleaser asks Go for the module, too

say() {
	echo "release: $*" >&2
}

refuse() {
	say "$@"
	exit 1
}

# Vault takes a SemVer with a leading v. To Vault, versions that differ only in build metadata are the same.
check_version() {
	local advice="run \`make release VERSION=v1.2.3\`" n='(0|[1-9][0-9]*)'
	[[ -n $VERSION ]] || refuse "VERSION is missing: $advice"
	[[ $VERSION != *+* ]] || refuse "VERSION $VERSION has build metadata: run \`make release VERSION=${VERSION%%+*}\`"
	[[ $VERSION =~ ^v$n\.$n\.$n(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$ ]] ||
		refuse "VERSION \"$VERSION\" is not a SemVer with a leading v, such as v1.2.3 or v1.2.3-rc.1: $advice"
}

# What differs from its commit can't be built again. An unpacked archive of the sources has no commit.
check_sources() {
	[[ -e .git ]] || return 0
	local changed tagged
	changed="$(git status --porcelain --untracked-files=all)" # Go builds untracked files too
	[[ -z $changed ]] || refuse "these files aren't committed:"$'\n'"$changed"$'\n'"commit them, or \`git stash -u\` them, and try again"
	tagged="$(git rev-parse --quiet --verify "refs/tags/$VERSION^{commit}" || true)"
	[[ -z $tagged || $tagged == "$(git rev-parse HEAD)" ]] ||
		refuse "the tag $VERSION names another commit than the one checked out: \`git checkout $VERSION\`, or give another VERSION"
}

# goreleaser overrides everything else that the environment or `go env -w` can put into a build.
check_go() {
	[[ -z $(go env GOEXPERIMENT) ]] || refuse "GOEXPERIMENT is set, which changes the binaries: run \`go env -u GOEXPERIMENT\`, or unset it"
}

# Before minutes of building. goreleaser can't skip the signature whose key isn't given, so signing is done here.
check_keys() {
	local key
	if [[ -n ${GPG_KEY:-} ]]; then
		command -v gpg >/dev/null || refuse "signing with GPG_KEY needs gpg: install Debian's gnupg"
		key="$(gpg --batch --with-colons --list-secret-keys -- "$GPG_KEY")" ||
			refuse "GPG_KEY=$GPG_KEY is not one of the keys that \`gpg --list-secret-keys\` lists"
		GPG_FINGERPRINT="$(awk -F: '$1 == "fpr" { print $10; exit }' <<<"$key")"
		export GPG_FINGERPRINT
	fi
	if [[ -n ${COSIGN_KEY:-} ]]; then
		command -v cosign >/dev/null || refuse "signing with COSIGN_KEY needs cosign 3: install it"
		cosign public-key --key "$COSIGN_KEY" >/dev/null ||
			refuse "COSIGN_KEY=$COSIGN_KEY can't be opened; COSIGN_PASSWORD holds its password"
	fi
}

# sign <file>: cosign needs no public service, as users have the public key.
sign() {
	if [[ -n ${GPG_KEY:-} ]]; then
		gpg --batch --armor --detach-sign --local-user "$GPG_FINGERPRINT" --output "$1.asc" "$1"
	fi
	if [[ -n ${COSIGN_KEY:-} ]]; then
		echo '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}' >"$work/services.json"
		cosign sign-blob --yes --key "$COSIGN_KEY" --signing-config "$work/services.json" --bundle "$1.sigstore.json" "$1"
	fi
	if [[ -z ${GPG_KEY:-}${COSIGN_KEY:-} ]]; then
		say "not signed: to sign it, run \`make release VERSION=$VERSION GPG_KEY=<key id>\` or" \
			"\`make release VERSION=$VERSION COSIGN_KEY=<file or URI>\`"
	fi
}

export VERSION="${1:-}"
check_version
check_sources
check_go
check_keys

# Tests name the folder that has the tools.
if [[ -z ${RELEASE_TOOLS:-} ]]; then
	make --no-print-directory release-tools
	RELEASE_TOOLS="$PWD/.cache/bin"
fi
export PATH="$RELEASE_TOOLS:$PATH"

mkdir -p dist
work="$(mktemp -d dist/.release-XXXXXX)" # beside the result, which is put in place by renaming
trap 'rm -rf "$work"' EXIT
export MORE_FILES="$work/more"
mkdir "$MORE_FILES" "$work/files"
scripts/release-notes.sh >"$MORE_FILES/release-notes.md"
if [[ -d clients/typescript ]]; then
	scripts/pack-client.sh "$VERSION" "$MORE_FILES" >&2
fi
goreleaser release --clean --snapshot
cp "$MORE_FILES"/* .cache/goreleaser/{*.zip,*.cdx.json,*_oci.tar,SHA256SUMS} "$work/files"
sign "$work/files/SHA256SUMS"
rm -rf "dist/$VERSION"
mv "$work/files" "dist/$VERSION"
say "$VERSION is in dist/$VERSION"

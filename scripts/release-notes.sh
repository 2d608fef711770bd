#!/usr/bin/env bash
# Prints the notes of VERSION for those who download it. scripts/release.sh runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# section <heading>: what stands below it in the changelog. Of v1.2.3, the heading may be "## v1.2.3", "## 1.2.3 (May 1, 2027)"
# or "## [1.2.3] - 2027-05-01".
section() {
	awk -v heading="${1#v}" '/^## / { gsub(/^\[?v?|\]$/, "", $2); found = $2 == heading; next } found' CHANGELOG.md | sed '/./,$!d'
}

changes="$(section "$VERSION")"
if [[ -z $changes ]]; then
	changes="$(section Unreleased)"
	if [[ -z $changes ]]; then
		echo "release: CHANGELOG.md says nothing under \"## $VERSION\" or \"## Unreleased\": write what is new under one of them" >&2
		exit 1
	fi
	echo "release: CHANGELOG.md has no section \"## $VERSION\": the notes are those under \"## Unreleased\". To change that," \
		"rename that heading, commit, and run \`make release VERSION=$VERSION\` again" >&2
fi

signed=""
if [[ -n ${GPG_KEY:-} ]]; then
	signed+="\`SHA256SUMS\` is signed with the OpenPGP key $GPG_FINGERPRINT. With that key in your keyring:

    gpg --verify SHA256SUMS.asc SHA256SUMS

"
fi
if [[ -n ${COSIGN_KEY:-} ]]; then
	signed+="\`SHA256SUMS\` is signed with cosign. With the public key in \`cosign.pub\`:

    cosign verify-blob --key cosign.pub --insecure-ignore-tlog --bundle SHA256SUMS.sigstore.json SHA256SUMS

"
fi

cat <<END
# vault-plugin-secrets-itwin $VERSION

$changes

## Check what you downloaded

In the folder that holds the files and \`SHA256SUMS\`:

    sha256sum --check --ignore-missing SHA256SUMS

${signed:-Not signed: the checksums show that the files arrived whole, not who made them.

}## Build it yourself

Made with $(go env GOVERSION), without C. The same Go and the sources of $VERSION give the same files, byte for byte, with
\`make release VERSION=$VERSION\`; these notes and SHA256SUMS can differ in what they say of signatures.
END

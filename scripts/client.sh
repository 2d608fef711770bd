#!/usr/bin/env bash
# Checks the TypeScript client: client.sh <npm script>..., such as lint or test. Without Node.js, or without its registry on
# the first run, it reports that nothing was checked; on a CI server, where CI=true, it fails.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../clients/typescript"

unchecked() {
	echo "client.sh: the TypeScript client is NOT CHECKED: $*" >&2
	[[ -z ${CI:-} ]] && exit
	exit 1
}

command -v npm >/dev/null || unchecked "there is no npm: install Node.js 20 or later"
major="$(node -p 'process.versions.node.split(".")[0]')"
((major >= 20)) || unchecked "Node.js is version $major: install 20 or later"

# npm writes the second file after installing what the first one lists.
if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
	npm ci --ignore-scripts --no-audit --no-fund --prefer-offline >&2 || unchecked "npm can't install what it is checked with"
	touch node_modules/.package-lock.json
fi
for script in "$@"; do
	npm run --silent "$script"
done

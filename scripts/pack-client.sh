#!/usr/bin/env bash
# Packs the TypeScript client for a release: pack-client.sh <version> <folder>. Prints the path of the package.
# The same sources and the same Node.js give the same bytes.
set -euo pipefail

# npm ignores build metadata and would omit it from the file's name.
version="${1#v}"
version="${version%%+*}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
mkdir -p "$2"
out="$(cd "$2" && pwd)"

# In a copy, because the version is written into the package, and no other file in the source folder may end up in it.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$root/clients/typescript"
CI=true "$root/scripts/client.sh" # installs the compiler
cp -R package.json tsconfig.json README.md src "$work"
ln -s "$PWD/node_modules" "$work"
cd "$work"
npm pkg set version="$version" >&2
npm run --silent build >&2
echo "$out/$(npm pack --silent --pack-destination "$out")"

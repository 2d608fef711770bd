#!/usr/bin/env bash
# Prints the path of a Chromium to test pages with. In this order: $CHROMIUM_BIN, one that is on the PATH, Debian's package,
# which is installed where this runs as root. Progress goes to stderr: stdout is the path alone.
set -euo pipefail

say() {
	echo "chromium.sh: $*" >&2
}

find_one() {
	local name
	for name in "${CHROMIUM_BIN:-}" chromium chromium-browser google-chrome; do
		[[ -n $name ]] && command -v "$name" && return
	done
	return 1
}

find_one && exit
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
	say "no Chromium here; install one (Debian's package is called chromium) or set CHROMIUM_BIN"
	exit 1
fi
say "installing Debian's chromium"
apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2
find_one

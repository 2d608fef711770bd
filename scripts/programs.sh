#!/usr/bin/env bash
# Installs the programs of dev/programs.txt that aren't on the PATH, where root can, or sudo on a CI server. Elsewhere it
# says what to install: a developer's own machine is left as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# missing lists the packages, with a space before each.
missing() {
	local package commands
	while read -r package commands; do
		# shellcheck disable=SC2086 # words of a list
		[[ $package == "#" ]] || type -P $commands >/dev/null || echo -n " $package"
	done <dev/programs.txt
}

# A new machine may be refreshing its lists by itself.
apt_get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
[[ $(id -u) == 0 ]] || apt_get=(sudo -n "${apt_get[@]}")

packages="$(missing)"
if [[ -n $packages ]] && command -v apt-get >/dev/null && [[ $(id -u) == 0 || -n ${CI:-} ]]; then
	echo "programs.sh: installing Debian's$packages" >&2
	"${apt_get[@]}" update || true
	# shellcheck disable=SC2086 # words of a list
	"${apt_get[@]}" install -y --no-install-recommends $packages || true
	packages="$(missing)"
fi
[[ -n $packages ]] || exit 0
echo "programs.sh: some tests will be skipped: install Debian's$packages, or the same from elsewhere" >&2
[[ -z ${CI:-} ]] # where nobody would miss the tests, it is a failure

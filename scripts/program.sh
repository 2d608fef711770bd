#!/usr/bin/env bash
# Prints the paths of commands that checks need, one per line: program.sh <Debian package> <command>...
# If one isn't on the PATH, its Debian package is installed: as root, or with sudo on a CI server. Progress goes to
# stderr, so stdout has only the paths.
set -euo pipefail

package="$1"
shift
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() {
	echo "program.sh: $*" >&2
}

# as_root <command>...: never uses sudo on a developer's machine.
as_root() {
	if [[ $(id -u) == 0 ]]; then
		"$@"
	else
		[[ -n ${CI:-} ]] && sudo -n "$@"
	fi
}

# apt_get <command>...: background processes don't inherit the lock. A new machine may already be refreshing its lists.
apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >&2 9>&-
}

install_package() {
	apt_get install -y --no-install-recommends "$package"
}

if paths="$(type -P "$@")"; then
	echo "$paths"
	exit
fi
if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
	say "not on the PATH: $*. Debian's package is called $package; install it, or the same from elsewhere"
	exit 1
fi

# Tests call this concurrently, and a second apt-get would fail.
mkdir -p "$root/.cache"
exec 9>"$root/.cache/program.lock"
flock 9
say "installing Debian's $package"
# Refreshing the lists takes longer than most packages, and a machine needs it once.
if ! install_package 2>/dev/null && ! { apt_get update && install_package; }; then
	say "Debian's $package can't be installed, for the reason that apt-get gives above; without it, put on the PATH: $*"
	exit 1
fi
if ! type -P "$@"; then
	say "Debian's $package has not all of: $*"
	exit 1
fi

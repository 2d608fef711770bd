#!/usr/bin/env bash
# Prints the path of promtool, and of prometheus below it, to test examples/monitoring with. In this order: $PROMETHEUS_BIN,
# which is a folder that holds both, the PATH, Debian's package, which is installed where this runs as root. Progress goes
# to stderr: stdout is the two paths alone.
set -euo pipefail

say() {
	echo "prometheus.sh: $*" >&2
}

if [[ -n ${PROMETHEUS_BIN:-} ]]; then
	PATH="$PROMETHEUS_BIN:$PATH"
fi

find_both() {
	command -v promtool && command -v prometheus
}

if paths="$(find_both)"; then
	echo "$paths"
	exit
fi
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
	say "no Prometheus here; install it with promtool (Debian's package prometheus has both), or name their folder in PROMETHEUS_BIN"
	exit 1
fi
say "installing Debian's prometheus"
apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >&2
find_both

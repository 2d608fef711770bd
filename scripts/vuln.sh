#!/usr/bin/env bash
# Looks for known vulnerabilities in the code that the plugin calls: vuln.sh <govulncheck> [its flags]. The exit status:
#   0  no known vulnerabilities
#   3  known vulnerabilities, as listed
#   4  the vulnerability database can't be reached: no result
#   1  the check failed for another reason: no result
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

errors="$(mktemp)"
trap 'rm -f "$errors"' EXIT

status=0
"$@" ./... 2>"$errors" || status=$?
cat "$errors" >&2
case $status in
0 | 3) exit "$status" ;;
esac
if grep -Eq 'fetching vulnerabilities|creating client' "$errors"; then
	echo "vuln.sh: NOT CHECKED: the database of vulnerabilities can't be reached (https://vuln.go.dev, or the one that -db names)" >&2
	exit 4
fi
echo "vuln.sh: NOT CHECKED: govulncheck itself failed" >&2
exit 1

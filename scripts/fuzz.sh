#!/usr/bin/env bash
# Fuzzes each target of the product in turn, because Go fuzzes one at a time: fuzz.sh 10m, or fuzz.sh 1000x
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

targets=0
# grep prints ./path/fuzz_test.go:func FuzzName
while IFS=: read -r file function; do
	# By default, Go spends a minute on minimizing each interesting input.
	go test -run '^$' -fuzz "^${function#func }\$" -fuzztime "$1" -fuzzminimizetime 1s "$(dirname "$file")" </dev/null
	((targets += 1))
done < <(grep -rEo --include='*_test.go' --exclude-dir={.cache,dev,examples} '^func Fuzz[A-Za-z0-9_]+' .)

if ((targets == 0)); then
	echo "fuzz.sh: no test file has a function that starts with Fuzz" >&2
	exit 1
fi

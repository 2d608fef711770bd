#!/usr/bin/env bash
# Fuzzes each target of the product in turn, as Go does one at a time: fuzz.sh 10m, or fuzz.sh 1000x
set -euo pipefail
cd "$(dirname "$0")/.."

# Left alone, Go spends a minute on making each interesting input shorter.
for file in $(git ls-files --cached --others --exclude-standard '*fuzz_test.go' ':!dev'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z]*\)(.*/\1/p' "$file"); do
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 1s "./$(dirname "$file")"
	done
done

#!/usr/bin/env bash
# Writes the four policies, as itwin-reader and so on.
set -euo pipefail

for policy in reader operator auditor break-glass; do
	vault policy write "itwin-$policy" "$policy.hcl"
done

#!/usr/bin/env bash
# For a daily timer: renews the Vault token that Prometheus scrapes with.
set -euo pipefail

# Separate from the export, so that a missing file ends the script: otherwise vault would renew another token.
VAULT_TOKEN="$(cat vault-token)"
export VAULT_TOKEN
vault token renew >/dev/null

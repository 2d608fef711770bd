#!/usr/bin/env bash
# For a daily timer: renews the Vault token that Prometheus scrapes with.
set -euo pipefail

# Apart from the export, so that a file that isn't here ends this: vault would renew another token, and all would look well.
VAULT_TOKEN="$(cat vault-token)"
export VAULT_TOKEN
vault token renew >/dev/null

#!/usr/bin/env bash
# For a daily timer: renews the Vault token that Prometheus scrapes with.
set -euo pipefail

VAULT_TOKEN="$(cat vault-token)" vault token renew >/dev/null

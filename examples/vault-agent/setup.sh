#!/usr/bin/env bash
# Creates an AppRole that may read the app's tokens, and writes its credentials next to this script.
set -euo pipefail

umask 077
vault auth enable approle
vault write auth/approle/role/app token_policies=itwin-reader token_ttl=1h token_max_ttl=24h
vault read -field=role_id auth/approle/role/app/role-id >role-id
vault write -f -field=secret_id auth/approle/role/app/secret-id >secret-id

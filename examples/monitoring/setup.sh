#!/usr/bin/env bash
# Writes the policy, and puts a Vault token with it into the file vault-token, which Prometheus reads at every scrape.
# The token is periodic: it lasts as long as renew.sh runs at least once every 30 days.
set -euo pipefail

vault policy write itwin-metrics policy.hcl
umask 077
vault token create -orphan -period=720h -policy=itwin-metrics -field=token >vault-token

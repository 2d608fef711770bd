#!/usr/bin/env bash
# The ways to read a token with the vault command.
set -euo pipefail

# The whole answer, for people.
vault read itwin/token/viewer

# The token alone, for a script.
ITWIN_TOKEN="$(vault read -field=access_token itwin/token/viewer)"

# The whole answer as JSON; durations are in seconds.
vault read -format=json itwin/token/viewer

# For a job of 50 minutes: a token with at least that much life left.
ITWIN_TOKEN="$(vault read -field=access_token itwin/token/viewer min_ttl=50m)"
export ITWIN_TOKEN

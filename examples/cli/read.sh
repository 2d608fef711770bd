#!/usr/bin/env bash
# The ways to read a token with the vault command.
set -euo pipefail

# All of it, for people.
vault read itwin/token/viewer

# The token alone, for a script.
ITWIN_TOKEN="$(vault read -field=access_token itwin/token/viewer)"

# All of it as JSON; durations are seconds.
vault read -format=json itwin/token/viewer

# For a job of 50 minutes: a token that lives at least so long.
ITWIN_TOKEN="$(vault read -field=access_token itwin/token/viewer min_ttl=50m)"
export ITWIN_TOKEN

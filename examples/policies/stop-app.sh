#!/usr/bin/env bash
# For an incident: stops handing out the default app's tokens. Tokens that readers hold stay valid until they expire.
set -euo pipefail

vault delete itwin/config

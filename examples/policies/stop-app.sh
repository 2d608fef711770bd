#!/usr/bin/env bash
# For an incident: from now on nobody is handed a token of the default app. Those handed out live on until they expire.
set -euo pipefail

vault delete itwin/config

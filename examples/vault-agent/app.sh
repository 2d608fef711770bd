#!/usr/bin/env bash
# A placeholder for an app that reads ITWIN_TOKEN once, when it starts. It logs the token's SHA-256, its token_id.
set -euo pipefail

printf %s "$ITWIN_TOKEN" | sha256sum | cut -d' ' -f1 >>token-ids
exec sleep infinity

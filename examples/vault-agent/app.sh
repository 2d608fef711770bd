#!/usr/bin/env bash
# Stands for an app that reads ITWIN_TOKEN once, when it starts: notes the token's SHA-256, which is its token_id.
set -euo pipefail

printf %s "$ITWIN_TOKEN" | sha256sum | cut -d' ' -f1 >>token-ids
exec sleep infinity

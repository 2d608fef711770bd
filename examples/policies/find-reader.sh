#!/usr/bin/env bash
# For an auditor: prints the lines of an audit log, of the device "file", that hold the token in ITWIN_TOKEN, or its token_id.
# The input comes from stdin, as arguments show in the process list.
set -euo pipefail

hash="$(printf %s "$ITWIN_TOKEN" | vault write -field=hash sys/audit-hash/file input=-)"
grep -F "$hash" "$1"

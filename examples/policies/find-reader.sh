#!/usr/bin/env bash
# For an auditor: prints the lines of an audit log that contain the token in ITWIN_TOKEN, or its token_id. "file" is the
# path of the audit device. The input comes from stdin, because the process list shows arguments.
set -euo pipefail

hash="$(printf %s "$ITWIN_TOKEN" | vault write -field=hash sys/audit-hash/file input=-)"
grep -F "$hash" "$1"

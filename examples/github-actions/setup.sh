#!/usr/bin/env bash
# Lets the workflows of one repository's main branch read tokens. Set GITHUB_ISSUER for a GitHub Enterprise Server.
set -euo pipefail

issuer="${GITHUB_ISSUER:-https://token.actions.githubusercontent.com}"

vault auth enable -path=github-actions jwt
vault write auth/github-actions/config oidc_discovery_url="$issuer" bound_issuer="$issuer"
vault write auth/github-actions/role/itwin - <<'EOF'
{
  "role_type": "jwt",
  "user_claim": "repository",
  "bound_audiences": ["https://vault.example.com"],
  "bound_claims": {
    "repository": "example/models",
    "ref": "refs/heads/main"
  },
  "token_policies": ["itwin-reader"],
  "token_type": "batch",
  "token_ttl": "5m"
}
EOF

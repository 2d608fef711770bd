#!/usr/bin/env bash
# Lets the jobs of one project's protected branches read tokens. Set GITLAB_URL for a self-managed GitLab.
set -euo pipefail

gitlab="${GITLAB_URL:-https://gitlab.com}"

vault auth enable -path=gitlab jwt
vault write auth/gitlab/config oidc_discovery_url="$gitlab" bound_issuer="$gitlab"
vault write auth/gitlab/role/itwin - <<'EOF'
{
  "role_type": "jwt",
  "user_claim": "project_path",
  "bound_audiences": ["https://vault.example.com"],
  "bound_claims": {
    "project_path": "example/models",
    "ref_protected": "true"
  },
  "token_policies": ["itwin-reader"],
  "token_type": "batch",
  "token_ttl": "5m"
}
EOF

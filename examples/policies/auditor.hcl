# For the security team: what is configured, and who was handed which token. No tokens, no changes.
path "itwin/config" {
  # list as well: Vault uses this rule, not the next one, for `vault list itwin/config`.
  capabilities = ["read", "list"]
}

path "itwin/config/*" {
  capabilities = ["read", "list"]
}

path "itwin/role/*" {
  capabilities = ["read", "list"]
}

path "itwin/introspect" {
  capabilities = ["update"]
}

path "itwin/status" {
  capabilities = ["read"]
}

path "itwin/metrics" {
  capabilities = ["read"]
}

# The audit log holds an HMAC of each token and token_id. This computes the HMAC of a token that turned up somewhere.
path "sys/audit-hash/*" {
  capabilities = ["update"]
}

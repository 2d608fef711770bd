# For apps: one role's tokens, and nothing else.
path "itwin/token/viewer" {
  capabilities = ["read"]
}

# For apps: the tokens of one role, and nothing else.
path "itwin/token/viewer" {
  capabilities = ["read"]
}

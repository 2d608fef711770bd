# For platform engineers: apps, roles and rotation, but no tokens.
path "itwin/config" {
  # list as well: Vault uses this rule, not the next one, for `vault list itwin/config`.
  capabilities = ["create", "update", "patch", "read", "delete", "list"]
}

path "itwin/config/*" {
  capabilities = ["create", "update", "patch", "read", "delete", "list"]
}

path "itwin/role/*" {
  capabilities = ["create", "update", "patch", "read", "delete", "list"]
}

path "itwin/rotate" {
  capabilities = ["update"]
}

path "itwin/rotate/*" {
  capabilities = ["update"]
}

path "itwin/check" {
  capabilities = ["read"]
}

path "itwin/check/*" {
  capabilities = ["read"]
}

path "itwin/status" {
  capabilities = ["read"]
}

path "itwin/metrics" {
  capabilities = ["read"]
}

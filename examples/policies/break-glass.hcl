# For an incident, on a Vault token that lives minutes: everything in this mount, and nothing beside it.
path "itwin/*" {
  capabilities = ["create", "update", "patch", "read", "delete", "list"]
}

# For an incident, with a Vault token that lives for minutes: everything in this mount, and nothing else.
path "itwin/*" {
  capabilities = ["create", "update", "patch", "read", "delete", "list"]
}

# consul-template -config=config.hcl
# VAULT_ADDR and VAULT_TOKEN say where Vault is and who asks.
vault {
  # A token that someone else renews, as Vault Agent does. consul-template renews its own by default.
  renew_token = false

  # Forever: the file stays while Vault is away.
  retry {
    attempts = 0
  }
}

template {
  destination = "itwin-token"
  perms       = "0600"
  contents    = "{{ with secret \"itwin/token/viewer\" }}{{ .Data.access_token }}{{ end }}"

  # Notify the app of a new token, unless it watches the file itself.
  exec {
    command = ["touch", "app-told"]
  }
}

# consul-template -config=config.hcl
# VAULT_ADDR and VAULT_TOKEN name the server and the Vault token.
vault {
  # Something else renews this Vault token, such as Vault Agent. By default consul-template renews it.
  renew_token = false

  # Retry forever: the file stays while Vault is down.
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

# vault agent -config=template.hcl
# Keeps the file itwin-token up to date. VAULT_ADDR says where Vault is.
auto_auth {
  method "approle" {
    config = {
      role_id_file_path                   = "role-id"
      secret_id_file_path                 = "secret-id"
      remove_secret_id_file_after_reading = false
    }
  }
}

# Vault may be down for longer than the retries last: keep running, as the file stays.
template_config {
  exit_on_retry_failure = false
}

template {
  destination = "itwin-token"
  perms       = "0600"
  contents    = "{{ with secret \"itwin/token/viewer\" }}{{ .Data.access_token }}{{ end }}"
}

# vault proxy -config=proxy.hcl
# Apps on this machine read http://127.0.0.1:8100/v1/itwin/token/viewer without a Vault token: the proxy adds its own.
auto_auth {
  method "approle" {
    config = {
      role_id_file_path                   = "role-id"
      secret_id_file_path                 = "secret-id"
      remove_secret_id_file_after_reading = false
    }
  }
}

api_proxy {
  use_auto_auth_token = true
}

listener "tcp" {
  address     = "127.0.0.1:8100"
  tls_disable = true

  # Requests forged by a browser on this machine can't set the header; Vault's clients do.
  require_request_header = true
}

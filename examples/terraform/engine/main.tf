# Mounts and configures the engine. The plugin has to be registered in Vault. Needs Terraform 1.6 or OpenTofu 1.6;
# VAULT_ADDR and VAULT_TOKEN name the server and the Vault token.
terraform {
  required_version = ">= 1.6"

  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = "~> 5.0"
    }
  }
}

variable "client_id" {
  type = string
}

# If it is set, the state contains the secret in the clear. If not, Vault keeps the secret that apply.sh wrote.
variable "client_secret" {
  type      = string
  default   = null
  sensitive = true
}

resource "vault_mount" "itwin" {
  path        = "itwin"
  type        = "vault-plugin-secrets-itwin"
  description = "Access tokens for the Bentley iTwin Platform"

  # What the audit log shows in the clear. Never add access_token or client_secret.
  audit_non_hmac_response_keys = ["token_id", "client_id", "scope", "token_type", "expires_at", "last_vault_rotation"]
  audit_non_hmac_request_keys  = ["app", "scopes", "authority", "token_url", "api_url", "client_id"]
}

resource "vault_generic_endpoint" "app" {
  path = "${vault_mount.itwin.path}/config"
  # Vault never returns client_secret, and a config has more fields than these.
  ignore_absent_fields = true

  data_json = jsonencode(merge(
    {
      client_id      = var.client_id
      authority      = "https://ims.bentley.com"
      api_url        = "https://api.bentley.com"
      scopes         = "itwin-platform"
      renew_before   = 1800 # seconds
      persist_tokens = true
    },
    var.client_secret == null ? {} : { client_secret = var.client_secret },
  ))
}

resource "vault_generic_endpoint" "viewer" {
  path                 = "${vault_mount.itwin.path}/role/viewer"
  ignore_absent_fields = true

  data_json = jsonencode({
    scopes = "itwin-platform"
  })
}

resource "vault_policy" "reader" {
  name = "itwin-reader"

  policy = <<-EOT
    path "${vault_mount.itwin.path}/token/viewer" {
      capabilities = ["read"]
    }
  EOT
}

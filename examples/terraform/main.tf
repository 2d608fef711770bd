# Needs Terraform 1.10 or later. VAULT_ADDR and VAULT_TOKEN say where Vault is and who asks.
terraform {
  required_version = ">= 1.10"

  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = "~> 5.9"
    }
  }
}

# Read anew in every plan and every apply, and in neither the state nor the plan.
ephemeral "vault_generic_secret" "itwin" {
  path = "itwin/token/viewer"
}

locals {
  itwin_authorization = "Bearer ${ephemeral.vault_generic_secret.itwin.data["access_token"]}"
}

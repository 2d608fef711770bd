# Needs Terraform 1.10 or OpenTofu 1.11. VAULT_ADDR and VAULT_TOKEN name the server and the Vault token.
terraform {
  required_version = ">= 1.10"

  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = "~> 5.9"
    }
  }
}

provider "vault" {
  # By default, the provider creates a child token for each run, which a reader's policy doesn't allow.
  skip_child_token = true
}

# Read in every plan and every apply, and stored in neither the state nor the plan.
ephemeral "vault_generic_secret" "itwin" {
  path = "itwin/token/viewer"
}

locals {
  itwin_authorization = "Bearer ${ephemeral.vault_generic_secret.itwin.data["access_token"]}"
}

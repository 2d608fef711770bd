#!/usr/bin/env bash
# Does everything up to the first token, with the secret in secret.txt and never in Terraform's state. TF_VAR_client_id
# is the app's client id. With OpenTofu: TERRAFORM=tofu ./apply.sh
set -euo pipefail
: "${TF_VAR_client_id:?}"

terraform() {
	command "${TERRAFORM:-terraform}" "$@"
}

terraform init
terraform apply -target=vault_mount.itwin
vault write itwin/config client_id="$TF_VAR_client_id" client_secret=@secret.txt
terraform apply
vault read itwin/token/viewer

#!/usr/bin/env bash
# Writes the roles of Vault's Kubernetes auth method that let apps in the namespace "app" read tokens. Consumers log in
# with JWTs for different audiences, and a role accepts only one.
set -euo pipefail

# The audience of every pod's own JWT, which differs between clusters. This prints yours, as aud:
#   kubectl create token app -n app | cut -d. -f2 | base64 -d
: "${API_AUDIENCE:=https://kubernetes.default.svc.cluster.local}"

# role <name> <audience> <token_ttl>
role() {
	vault write "auth/kubernetes/role/$1" \
		bound_service_account_names=app bound_service_account_namespaces=app \
		audience="$2" token_ttl="$3" token_policies=itwin-reader
}

# Vault Secrets Operator, External Secrets' SecretStore, CSI: they request a JWT that is meant only for Vault.
role app vault 1h

# External Secrets' generator never revokes a login, so each has to expire before the next poll.
role app-generator vault 5m

# The Agent Injector logs in with the pod's own JWT.
role app-injector "$API_AUDIENCE" 1h

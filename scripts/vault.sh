#!/usr/bin/env bash
# Prints the path of a Vault to test with. In this order: $VAULT_BIN, a `vault` on the PATH that is recent enough, the
# one that dev/vault pins, which is built once into .cache. Progress goes to stderr, so stdout has only the path.
# With an argument, such as vault-1.16: only the Vault that this module of dev/ pins.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
module="$root/dev/${1:-vault}"

say() {
	echo "vault.sh: $*" >&2
}

# recent_enough <binary>: 1.16 is the oldest Vault that is tested.
recent_enough() {
	[[ "$("$1" version 2>/dev/null)" =~ ^Vault\ v([0-9]+)\.([0-9]+)\. ]] &&
		((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] >= 1016))
}

if [[ ! -f $module/go.mod ]]; then
	say "$module pins no Vault; name one of these: $(cd "$root/dev" && echo vault vault-*)"
	exit 1
elif [[ -z ${1:-} && -n ${VAULT_BIN:-} ]]; then
	if [[ ! -f $VAULT_BIN || ! -x $VAULT_BIN ]]; then
		say "VAULT_BIN=$VAULT_BIN is not an executable file; correct or unset it"
		exit 1
	fi
	vault="$(cd "$(dirname "$VAULT_BIN")" && pwd)/$(basename "$VAULT_BIN")"
elif [[ -n ${1:-} ]] || ! vault="$(type -P vault)" || ! recent_enough "$vault"; then
	version="$(awk '$1 == "github.com/hashicorp/vault" { print $2 }' "$module/go.mod")"
	vault="$root/.cache/vault-$version/vault"
	if [[ ! -x $vault ]]; then
		say "building Vault $version: about 5 minutes on two cores, once"
		mkdir -p "$(dirname "$vault")"
		# The tag omits what the tests don't need; an older Vault that doesn't support it includes everything. A
		# concurrent caller never sees an incomplete binary.
		(cd "$module" && CGO_ENABLED=0 go build -tags minimal -trimpath -o "$vault.$$" github.com/hashicorp/vault) >&2
		mv "$vault.$$" "$vault"
	fi
fi
echo "$vault"

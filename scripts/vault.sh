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

absolute() {
	echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

# recent_enough <binary>: 1.16 is the oldest Vault that is tested.
recent_enough() {
	[[ "$("$1" version 2>/dev/null)" =~ ^Vault\ v([0-9]+)\.([0-9]+)\. ]] || return 1
	local major="${BASH_REMATCH[1]}" minor="${BASH_REMATCH[2]}"
	((major > 1 || (major == 1 && minor >= 16)))
}

# installed prints the path of an installed Vault, if there is one.
installed() {
	local on_path
	if [[ -n ${VAULT_BIN:-} ]]; then
		if [[ ! -f $VAULT_BIN || ! -x $VAULT_BIN ]]; then
			say "VAULT_BIN=$VAULT_BIN is not an executable file; correct or unset it"
			exit 1
		fi
		absolute "$VAULT_BIN"
	elif on_path="$(command -v vault)"; then
		if recent_enough "$on_path"; then
			absolute "$on_path"
		else
			say "passing over $on_path: the tests need Vault 1.16 or later"
		fi
	fi
}

pinned_version() {
	awk '$1 == "github.com/hashicorp/vault" { print $2 }' "$module/go.mod"
}

# build <target>: builds next to the target and renames, so that a concurrent caller never sees an incomplete binary.
# The tag omits what the tests don't need; an older Vault that doesn't support it includes everything.
build() {
	local dir temp
	dir="$(dirname "$1")"
	mkdir -p "$dir"
	temp="$(mktemp "$dir/build.XXXXXX")"
	# shellcheck disable=SC2064 # $temp is local: it has to be expanded now.
	trap "rm -f '$temp'" EXIT
	say "building Vault $(pinned_version): about 5 minutes on two cores, once"
	(cd "$module" && CGO_ENABLED=0 go build -tags minimal -trimpath -o "$temp" github.com/hashicorp/vault) >&2
	chmod 755 "$temp"
	mv "$temp" "$1"
	say "built $1"
}

if [[ ! -f $module/go.mod ]]; then
	say "$module pins no Vault; name one of these: $(cd "$root/dev" && echo vault vault-*)"
	exit 1
fi

vault=""
[[ -n ${1:-} ]] || vault="$(installed)"
if [[ -z $vault ]]; then
	vault="$root/.cache/vault-$(pinned_version)/vault"
	[[ -x $vault ]] || build "$vault"
fi
echo "$vault"

#!/usr/bin/env bash
# Shows the plugin at work: a Vault dev server and the IMS emulator, both on loopback, both gone at the end.
#   scripts/demo.sh                  the tour
#   scripts/demo.sh --keep-running   the same set-up, left running until Ctrl-C
# make build comes first. DEMO_VAULT_ADDR (127.0.0.1:18200) is where Vault listens; the port after it must be free too.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly plugin=vault-plugin-secrets-itwin
readonly client_id=service-demo client_secret='demo+secret/with=signs'
export VAULT_TOKEN=root
unset VAULT_NAMESPACE

fail() {
	echo "demo.sh: $*" >&2
	exit 1
}

# show <what it is> <vault arguments...>: as one would type it.
show() {
	printf '\n# %s\n$ vault %s\n' "$1" "${*:2}"
	"$vault" "${@:2}"
}

# until_ready <what> <log> <command...>: waits half a minute at most, and shows the log if that wasn't enough.
until_ready() {
	local what="$1" log="$2"
	for _ in {1..150}; do
		"${@:3}" >/dev/null 2>&1 && return
		sleep 0.2
	done
	cat "$log" >&2
	fail "$what didn't start"
}

# checksum <file>: its SHA-256; macOS has shasum alone.
checksum() {
	{ sha256sum "$1" 2>/dev/null || shasum -a 256 "$1"; } | cut -d ' ' -f 1
}

start_ims() {
	(cd dev && go build -o ../.cache/bin/ims-emulator ./cmd/ims-emulator)
	IMS_EMULATOR_CLIENT_SECRET="$client_secret" .cache/bin/ims-emulator -client-id "$client_id" \
		-scopes itwin-platform,itwins:read >"$work/ims.log" 2>&1 &
	ims_pid=$!
	until_ready "the IMS emulator" "$work/ims.log" grep 'listening on' "$work/ims.log"
	ims="$(sed -n 's/^listening on //p' "$work/ims.log")"
}

start_vault() {
	local listen="${DEMO_VAULT_ADDR:-127.0.0.1:18200}"
	export VAULT_ADDR="http://$listen"
	# Not -dev-plugin-dir: it would register the plugin by itself, which is a step to show.
	echo "plugin_directory = \"$(pwd -P)/bin\"" >"$work/vault.hcl"
	"$vault" server -dev -dev-no-store-token -dev-root-token-id="$VAULT_TOKEN" -dev-listen-address="$listen" \
		-config="$work/vault.hcl" >"$work/vault.log" 2>&1 &
	vault_pid=$!
	until_ready Vault "$work/vault.log" "$vault" secrets list
	kill -0 "$vault_pid" 2>/dev/null || fail "$listen is taken; choose another port with DEMO_VAULT_ADDR"
}

# stop_process <pid>: one that has already ended, or that says it was killed, is as good.
stop_process() {
	{ kill "$1" && wait "$1"; } 2>/dev/null || true
}

# stop: Vault first, since it ends the plugin that it started.
stop() {
	[[ -z ${vault_pid:-} ]] || stop_process "$vault_pid"
	[[ -z ${ims_pid:-} ]] || stop_process "$ims_pid"
	rm -rf "$work"
}

set_up() {
	local version sum
	version="$(scripts/version.sh)"
	sum="$(checksum "bin/$plugin")"
	show "Tell Vault of the plugin, by its checksum" plugin register -sha256="$sum" -version="$version" secret "$plugin"
	show "Mount it" secrets enable -path=itwin -plugin-version="$version" "$plugin"
	printf '%s' "$client_secret" >"$work/secret"
	show "Configure the service app; the write makes a real exchange first" write itwin/config \
		client_id="$client_id" client_secret=@"$work/secret" authority="$ims" api_url="$ims"
	show "A role for less than the app may do" write itwin/role/viewer scopes=itwins:read
}

tour() {
	show "The token that every reader shares, known by its digest" read -field=token_id itwin/token
	show "A second reader: the same one, without an exchange" read -field=token_id itwin/token
	show "Prove the whole chain, up to the Platform" read itwin/check
	show "The role's token" read itwin/token/viewer
	stop_process "$ims_pid"
	printf '\n# IMS is gone now.\n'
	show "Readers don't notice" read -field=token_id itwin/token
	show "What an operator sees" read itwin/status
}

keep_running() {
	cat <<-END

		# Running until Ctrl-C. In another terminal:
		export VAULT_ADDR=$VAULT_ADDR VAULT_TOKEN=$VAULT_TOKEN
		$vault read itwin/token
	END
	wait "$vault_pid"
}

case "${1:-}" in
"") then=tour ;;
--keep-running) then=keep_running ;;
*) fail "unknown argument $1; the only one is --keep-running" ;;
esac

[[ -x bin/$plugin ]] || fail "bin/$plugin is missing; run make build"
vault="$(scripts/vault.sh)"
work="$(mktemp -d)"
trap stop EXIT
start_ims
start_vault
set_up
"$then"

#!/usr/bin/env bash
# Demonstrates the plugin in a real Vault on free ports of this machine. Each line printed after a $ is run by this
# shell exactly as printed; what follows is its real output, with tokens shortened. Everything is removed at the end.
#
#   demo.sh       the tour (make demo)
#   demo.sh dev   the same setup, left running until Ctrl-C (make dev)
#
# VAULT_BIN, PLUGIN_BIN, PLUGIN_VERSION and EMULATOR_BIN name what to run. An emulator stands in for Bentley's identity
# provider (IMS) and the iTwin Platform, unless ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET name a real app; ITWIN_AUTHORITY
# and ITWIN_API_URL say where that app lives if it isn't production.
# shellcheck disable=SC2016 # lines in single quotes are expanded when run evaluates them
set -euo pipefail

mode="${1:-demo}" plugin="$(basename "$PLUGIN_BIN")" version="$PLUGIN_VERSION"
id="${ITWIN_CLIENT_ID:-}" secret="${ITWIN_CLIENT_SECRET:-}" places="" steps=0 pids=() folder=""
type_app="  export ITWIN_CLIENT_ID=service-YourAppsIdFromMyApps
  read -rs ITWIN_CLIENT_SECRET; export ITWIN_CLIENT_SECRET

and run make $mode again, or without an account: unset ITWIN_CLIENT_ID ITWIN_CLIENT_SECRET"

fail() { printf '\ndemo: %s\n' "$1" >&2; exit 1; }
say() { printf '%s\n' "$@"; }
step() { steps=$((steps + 1)); say "" "# $steps. $1"; }

# show prints a file with its tokens shortened. It expands no $(…): bash 5.2 garbles a trap that runs meanwhile.
show() {
	local text
	IFS= read -r -d '' text <"$1" || true
	while [[ $text =~ (eyJ[A-Za-z0-9_-]{7}|hv[sbr]\.[A-Za-z0-9_-]{6})[A-Za-z0-9_.-]+ ]]; do
		text="${text/${BASH_REMATCH[0]}/${BASH_REMATCH[1]}…}"
	done
	[ -z "$text" ] || say "${text%$'\n'}"
}

# run prints a line and runs it in this shell, so that its exports, variables and background processes remain.
run() {
	local status=0
	say "\$ $1"
	eval "$1" >"$folder/.output" 2>&1 || status=$?
	show "$folder/.output"
	return "$status"
}

# refused runs a line that must fail for the given reason.
refused() {
	if run "$2" || ! grep -qF "$1" "$folder/.output"; then fail "\`$2\` should have been refused with: $1"; fi
}

await() { # waits up to 30 s for a command to succeed while the last background process lives
	for _ in {1..600}; do
		if "$@" >/dev/null 2>&1; then return; fi
		kill -0 "${pids[${#pids[@]} - 1]}" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

clean() {
	local status=$? log="$folder/vault.log"
	trap '' INT TERM HUP PIPE
	# shellcheck disable=SC2207 # they are numbers
	pids+=($(jobs -p)) # the last one may not be among them yet
	for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
	for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid" 2>/dev/null || true; kill -KILL -- "-$pid" 2>/dev/null || true; done
	if [ "$status" != 0 ] && [ "$status" != 130 ] && [ -s "$log" ]; then say "" "# The end of vault.log:"; tail -n 20 "$log" | grep -Ev 'Unseal Key|Root Token' >"$folder/.output"; show "$folder/.output"; fi
	if [ -n "$folder" ]; then cd / && rm -rf "$folder"; fi
	[ "$status" != 130 ] || printf '\ndemo: interrupted; everything it started has ended\n' >&2 || true
	exit "$status"
}
trap 'exit 130' INT TERM HUP PIPE
trap clean EXIT

case "${id:+id}:${secret:+secret}" in
id:) fail "ITWIN_CLIENT_ID is set, but ITWIN_CLIENT_SECRET isn't. Type:

$type_app" ;;
:secret) fail "ITWIN_CLIENT_SECRET is set, but ITWIN_CLIENT_ID isn't. Type:

$type_app" ;;
:) [ -z "${ITWIN_AUTHORITY:-}${ITWIN_API_URL:-}" ] || fail "ITWIN_AUTHORITY and ITWIN_API_URL are for a real app, but none is set. Type:

$type_app ITWIN_AUTHORITY ITWIN_API_URL" ;;
esac
authority="${ITWIN_AUTHORITY:-}" api_url="${ITWIN_API_URL:-}" emulated=""
folder="$(cd "$(mktemp -d "${TMPDIR:-/tmp}/itwin-demo-XXXXXX")" && pwd -P)"
umask 077
mkdir "$folder/bin" "$folder/plugins"
ln -s "$(cd "$(dirname "$VAULT_BIN")" && pwd)/$(basename "$VAULT_BIN")" "$folder/bin/vault"
cp "$PLUGIN_BIN" "$folder/plugins/" # a copy, because the next build would replace the file while Vault runs

set -m # gives background processes their own process groups, so that Ctrl-C doesn't reach them before they are stopped here
if [ -z "$id" ]; then
	emulated=yes id=service-demo secret="$(head -c 64 /dev/urandom | base64 | tr -d '\n')"
	IMS_EMULATOR_CLIENT_ID="$id" IMS_EMULATOR_CLIENT_SECRET="$secret" TMPDIR="$folder" \
		"$EMULATOR_BIN" -scopes itwin-platform,itwins:read,imodels:modify >"$folder/emulator.log" 2>&1 &
	emulator=$! pids+=("$!")
	await grep -q "listening on" "$folder/emulator.log" || fail "the emulator didn't start"
	authority="$(sed -n 's/^listening on //p' "$folder/emulator.log")" api_url="$authority"
fi
# shellcheck disable=SC2086 # no names match: nothing to unset
unset ${!VAULT_@} ${!ITWIN_@}
export PATH="$folder/bin:$PATH" HOME="$folder" TMPDIR="$folder"
[ -z "$authority" ] || places+=" authority=$authority"
[ -z "$api_url" ] || places+=" api_url=$api_url"
[ -z "$places" ] || places=$' \\\n '"$places"
sha256=sha256sum
command -v sha256sum >/dev/null || sha256="shasum -a 256"
port=$((20000 + RANDOM % 12000)) # below those that Linux gives to outgoing connections; Vault's cluster takes the one after it
while (: <"/dev/tcp/127.0.0.1/$port" || : <"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null; do port=$((port + 2)); done
cd "$folder"
printf %s "$secret" >secret.txt
head -c 18 /dev/urandom | base64 | tr '+/' '-_' | tee password.txt >root.token
printf 'plugin_directory = "%s/plugins"\n' "$folder" >vault.hcl
cat >reader.hcl <<-'END'
	path "itwin/token" {
	  capabilities = ["read"]
	}

	path "itwin/token/viewer" {
	  capabilities = ["read"]
	}
END
cat >agent.hcl <<-'END'
	auto_auth {
	  method "token_file" {
	    config = {
	      token_file_path = "reader.token"
	    }
	  }
	}

	template {
	  destination = "itwin.env"
	  perms       = "0600"
	  contents    = "ITWIN_TOKEN={{ with secret \"itwin/token\" }}{{ .Data.access_token }}{{ end }}\n"
	}
END

printf -v typed_id %q "$id"
printf -v typed_folder %q "$folder"

step "Work in a folder that is removed at the end. secret.txt holds the app's client secret."
run "cd $typed_folder"
run "ls -C"

step "Start Vault, in dev mode on a free port, with a folder to run plugins from."
run "cat vault.hcl"
run "export VAULT_ADDR=http://127.0.0.1:$port VAULT_TOKEN=\"\$(cat root.token)\" VAULT_DEV_ROOT_TOKEN_ID=\"\$(cat root.token)\""
run "vault server -dev -dev-no-store-token -dev-listen-address=127.0.0.1:$port -config=vault.hcl >vault.log 2>&1 &"
vault=$! pids+=("$!")
await vault token lookup || fail "Vault didn't start"
run "vault version"

step "Register the plugin. Vault runs only the file with this SHA-256."
run "vault plugin register -version=$version \\
  -sha256=\"\$($sha256 plugins/$plugin | cut -d ' ' -f 1)\" secret $plugin"

step "Enable the plugin at a path of our choice."
run "vault secrets enable -path=itwin -plugin-version=$version $plugin"

step "Configure the service app. The write makes a real exchange first, so a wrong secret is refused, not stored."
[ -z "$emulated" ] || say "#    An emulator stands in for Bentley's identity provider (IMS) and the iTwin Platform, at $authority."
if ! run "vault write itwin/config client_id=$typed_id client_secret=@secret.txt$places"; then
	if [ -n "$emulated" ] || ! grep -qF "Code: 400" .output; then fail "the config couldn't be written"; fi
	rm vault.log # it doesn't concern the app
	fail "the app in ITWIN_CLIENT_ID and ITWIN_CLIENT_SECRET was refused, see above. Set both as shown in My Apps
(https://developer.bentley.com/my-apps/):

$type_app"
fi

step "The config can be read back, except for the secret."
run "vault read itwin/config"

step "Roles: other scopes or another app, each under a path that a policy can name."
if [ -n "$emulated" ]; then
	run "vault write itwin/role/viewer scopes=itwin-platform,itwins:read"
	run "vault write itwin/role/builder scopes=itwin-platform,imodels:modify"
else # the other scopes of a real app aren't known
	run "vault write -f itwin/role/viewer"
	run "vault write -f itwin/role/builder"
fi

step "Check the whole chain, from the role to the iTwin Platform. The e-mail address is the one to invite to iTwins."
run "vault read -field=ok itwin/check/viewer"
run "vault read -field=app_email itwin/check/viewer"

step "A policy that allows reading tokens, and nothing else."
run "cat reader.hcl"
run "vault policy write reader reader.hcl"

step "A user with that policy."
run "vault auth enable userpass"
run "vault write auth/userpass/users/reader password=@password.txt token_policies=reader"
run "export READER=\"\$(vault login -method=userpass -token-only username=reader password=@password.txt)\""

if [ "$mode" = dev ]; then
	trap 'say "" "# Stopping."; exit 0' INT TERM HUP
	printf %s "$READER" >reader.token
	say "" "# It is all running now, in $folder. There are vault.log, plugins/ and" \
		"# the files with secrets and tokens. Try it in another terminal:" "" "cd $typed_folder" \
		"export PATH=\"\$PWD/bin:\$PATH\" VAULT_ADDR=$VAULT_ADDR VAULT_TOKEN=\"\$(cat root.token)\"" "" \
		"vault read itwin/token" \
		"VAULT_TOKEN=\"\$(cat reader.token)\" vault read itwin/token/viewer" "vault read itwin/check/viewer" \
		"vault read itwin/token min_ttl=50m" "vault write -f itwin/rotate" "vault read -format=yaml itwin/status" "vault path-help itwin/token" \
		"" "# A second app, here with the same credentials, and a role that reads its token:" "" \
		"vault write itwin/config/survey client_id=$typed_id client_secret=@secret.txt$places" \
		"vault write itwin/role/surveyor app=survey" "vault read itwin/token/surveyor" "vault read itwin/check/surveyor"
	[ -z "$emulated" ] || say "" "# IMS fails: a rotation says so, and readers keep their token. Then it recovers:" "" \
		"curl -X PUT -d '{\"status\":503}' $authority/_emulator/fault" "vault write -f itwin/rotate" "vault read itwin/token" \
		"curl -X DELETE $authority/_emulator/fault" "vault write -f itwin/rotate"
	say "" "# Ctrl-C in this terminal stops everything and removes the folder."
	wait "$vault" || true
	fail "Vault has ended"
fi

step "As that user: a token. Its ttl says when to read again; there is no lease to renew."
run 'VAULT_TOKEN=$READER vault read itwin/token'

step "Read again: the same token, from memory. All readers share it, and IMS isn't contacted."
same='VAULT_TOKEN=$READER vault read -field=token_id itwin/token'
run "$same"

step "The token of a role, with the role's scopes."
run 'VAULT_TOKEN=$READER vault read itwin/token/viewer'

step "The policy names neither the config nor the role builder: Vault refuses both."
refused "permission denied" 'VAULT_TOKEN=$READER vault read itwin/config'
refused "permission denied" 'VAULT_TOKEN=$READER vault read itwin/token/builder'

step "The iTwin Platform accepts the token."
run 'TOKEN="$(VAULT_TOKEN=$READER vault read -field=access_token itwin/token)"'
if command -v curl >/dev/null; then
	run "curl -sS -f -H \"Authorization: Bearer \$TOKEN\" -H \"Accept: application/vnd.bentley.itwin-platform.v1+json\" ${api_url:-https://api.bentley.com}/users/me"
else
	say "# (Skipped: this machine has no curl. The check above called the Platform as well.)"
fi

step "Rotate: mint a new token now. Readers get it on their next read."
run "vault write -f itwin/rotate"
run "$same"

step "Vault Agent writes the token to a file for apps that don't know Vault, and keeps it up to date while it runs."
run 'echo "$READER" >reader.token'
run "cat agent.hcl"
run "vault agent -config=agent.hcl -exit-after-auth >agent.log 2>&1"
run "cat itwin.env"

if [ -n "$emulated" ]; then
	step "IMS goes down: the emulator is stopped. Readers keep their token; only a rotation fails, and says why."
	kill "$emulator"
	wait "$emulator" 2>/dev/null || true
	run "$same"
	refused "Code: 502" "vault write -f itwin/rotate"
	run "$same"
fi
say "" "Done in $SECONDS s, and everything is removed. \`make dev\` leaves the same setup running; see README.md for more."

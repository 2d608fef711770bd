package main

import (
	"flag"
	"io"
	"strings"
)

const overview = `itwin-audit reads Vault's audit log and reports who received which iTwin token.

USAGE
  itwin-audit readers --token-id ID [flags] [FILE ...]   who received a token
  itwin-audit readers --token -     [flags] FILE ...     the same, given the token itself
  itwin-audit tokens --reader NAME  [flags] [FILE ...]   which tokens a reader received
  itwin-audit summary               [flags] [FILE ...]   what happened in the last 24 hours
  itwin-audit COMMAND -h                                 help for a command
  itwin-audit -version

Files are Vault audit logs: JSON lines from any type of audit device, rotated or gzipped, in any order. Without a file,
or with -, it reads standard input. itwin-audit needs only the log, not a Vault server, and changes nothing.

EXIT CODE
  0  something was found
  1  nothing was found, or the log has no such mount
  2  wrong usage, a file that can't be read, or no answer from Vault; also if nothing was found but part of the log
     could not be read or followed and might hold the answer
`

const commonNotes = `
INPUT
  If several audit devices are enabled, each logs every request: read the log of one. Lines can have any length. Damaged
  lines are skipped and counted on standard error. If one might belong to the mounts in question, the answer lists what
  is left of it. In lines of other mounts, damage is noticed only at their start or end.

TUNING
  Vault logs strings as HMACs. To log token IDs in the clear from now on:
    vault secrets tune -audit-non-hmac-response-keys=token_id itwin
  A tune replaces the previous list of keys: repeat the flag for each key that should stay in the clear.
  Wrapped reads don't name the token, and unwrappings always show HMACs. itwin-audit matches the two by the HMACs that
  they share.

EXIT CODE
  0 something was found; 1 nothing was found, or the log has no such mount; 2 an error, or nothing was found but part
  of the log could not be read or followed.
`

const readersManual = `itwin-audit readers - who received a token

USAGE
  itwin-audit readers --token-id ID [flags] [FILE ...]
  itwin-audit readers --token - [flags] FILE ...

DESCRIPTION
  Lists everyone who received the token, by a plain read or from a response wrapping: reader, entity, first and last
  time, count, address, role and policies. Some ways to open a wrapping leave no trace of the token in the log. Readers
  who opened a wrapping that way are listed separately if it may have held this token. The answer also shows who
  rotated to the token, and who wrapped it without seeing it.

  If a token turned up in a log or a repository, use --token -. The token can be pasted the way you have it: wrapped by a
  terminal, in quotes, with "Authorization: Bearer", or in a JSON answer. It is hashed locally, never sent anywhere and
  never shown. Incomplete tokens are refused.

EXAMPLES
  itwin-audit readers --token-id 03ece985...67afc /var/log/vault/audit.log
  itwin-audit readers --token - /var/log/vault/audit.log*         # prompts for the token
  itwin-audit readers --vault --device file --token - audit.log < token.txt

WITHOUT THE TUNE
  If the log shows token IDs as HMACs, --vault asks Vault for the HMAC of this one at sys/audit-hash/DEVICE. The Vault
  token needs the "update" capability there. Only the token_id is sent, which can't be used as a token.
`

const tokensManual = `itwin-audit tokens - which tokens a reader received

USAGE
  itwin-audit tokens --reader NAME [flags] [FILE ...]

DESCRIPTION
  Lists the tokens that a reader received, with role, scope (if the log shows it), policies and addresses, including
  tokens from wrappings that the log doesn't identify. Then lists everything else the reader did on the mounts or was
  denied. Name the reader by entity ID, by display name (userpass-kim), or by the name of the user, AppRole or service
  account (kim). Names depend on how logins are set up; entity IDs are assigned by Vault: if it matters, use the entity ID.

EXAMPLES
  itwin-audit tokens --reader ci-build --since 7d /var/log/vault/audit.log*
  itwin-audit tokens --reader 4d96c8b8-a4ce-a990-2ced-1619d1f8b3e3 --format csv --output tokens.csv audit.log
`

const summaryManual = `itwin-audit summary - what happened

USAGE
  itwin-audit summary [flags] [FILE ...]

DESCRIPTION
  Counts reads by role and reader, and lists new readers, denied and failed requests, changes to config, roles and
  tokens, and wrapped reads. A reader is new if the log holds no earlier read by it, so include files from before --since.

  Failures with the same cause are one row: first and last time, count, how many readers were affected, and the latest
  error as an example. Columns in which they differ are empty.

EXAMPLES
  itwin-audit summary /var/log/vault/audit.log
  itwin-audit summary --since 7d --format html --output week.html /var/log/vault/audit.log*
  kubectl logs vault-0 | itwin-audit summary --since 2026-11-23T00:00:00Z --mount team-a/itwin
`

// manual writes the help for a command.
func manual(w io.Writer, name string, flags *flag.FlagSet) error {
	descriptions := map[string]string{"readers": readersManual, "tokens": tokensManual, "summary": summaryManual}
	var text strings.Builder
	text.WriteString(descriptions[name] + "\nFLAGS\n")
	flags.SetOutput(&text)
	flags.PrintDefaults()
	text.WriteString(commonNotes)
	_, err := io.WriteString(w, text.String())
	return err
}

package main

import (
	"flag"
	"io"
	"strings"
)

const overview = `itwin-audit answers from Vault's audit log who was handed which iTwin token.

USAGE
  itwin-audit readers --token-id ID [flags] [FILE ...]   who was handed a token
  itwin-audit readers --token -     [flags] FILE ...     the same, for the token itself
  itwin-audit tokens --reader NAME  [flags] [FILE ...]   which tokens somebody was handed
  itwin-audit summary               [flags] [FILE ...]   what went on in the last 24 hours
  itwin-audit COMMAND -h                                 a command's manual
  itwin-audit -version

Files are Vault's audit logs, JSON lines as audit devices of every type write them, rotated and gzipped ones too, in any
order. - or no file means standard input. It runs anywhere the log is, needs no Vault, and changes nothing.

EXIT CODE
  0  the answer holds something
  1  nothing in the log answers the question, or it has no such mount
  2  wrong usage, a file that can't be read, or no answer from Vault; also if nothing was found, but the log has entries
     that can't be read or followed, and may hold the answer
`

const commonNotes = `
INPUT
  Logs of several audit devices hold each request several times: read one device's. Lines may be of any length. Those
  that are damaged are skipped and counted on standard error, unless they may be of the mounts: then the answer lists
  what is left of them. In lines of other mounts, damage is noticed only if it took their beginning or end.

TUNING
  Vault's log shows strings as HMACs. To have token ids in clear from now on:
    vault secrets tune -audit-non-hmac-response-keys=token_id itwin
  A tune replaces the keys of the one before: repeat the flag for each key that is to stay in clear.
  Wrapped reads name no token, and unwrappings show HMACs always. Both are joined by what the log has of them.

EXIT CODE
  0 something was found, 1 nothing was or no such mount is in the log, 2 an error, or nothing was found in what could be
  read or followed of the log.
`

const readersManual = `itwin-audit readers - who was handed a token

USAGE
  itwin-audit readers --token-id ID [flags] [FILE ...]
  itwin-audit readers --token - [flags] FILE ...

DESCRIPTION
  Lists everyone who was handed the token: reader, entity, when first and last, how often, from which address, through
  which role and by which policies, be it by a plain read or out of a wrapping. Wrappings can be opened in ways that
  leave nothing of the token in the log: who did that, when it may have been this one, is listed apart. It also tells who
  rotated to it and who wrapped it without seeing it. For a token that turned up in a log or a repository, use --token -:
  the token is hashed here, is sent nowhere, and is never shown.

EXAMPLES
  itwin-audit readers --token-id 03ece985...67afc /var/log/vault/audit.log
  itwin-audit readers --token - /var/log/vault/audit.log*         # asks for the token, hidden
  itwin-audit readers --vault --device file --token - audit.log < token.txt

WITHOUT THE TUNE
  Where the log shows token ids as HMACs, --vault asks Vault for the HMAC of this one: sys/audit-hash/DEVICE, for which the
  Vault token needs the capability "update". What is sent is the token_id, which is of no use as a token.
`

const tokensManual = `itwin-audit tokens - which tokens somebody was handed

USAGE
  itwin-audit tokens --reader NAME [flags] [FILE ...]

DESCRIPTION
  Lists the tokens that a reader was handed, with the role, the scope where the log shows it, the policies and addresses;
  those out of wrappings too, even if the log doesn't show which they were. Then all else that the reader did on the
  mounts or was denied. The reader is named by entity id, by display name (userpass-kim), or by the name of the user,
  AppRole or service account (kim). Names are chosen by whoever sets up logins, entity ids by Vault: where it matters,
  ask by entity id.

EXAMPLES
  itwin-audit tokens --reader ci-build --since 7d /var/log/vault/audit.log*
  itwin-audit tokens --reader 4d96c8b8-a4ce-a990-2ced-1619d1f8b3e3 --format csv --output tokens.csv audit.log
`

const summaryManual = `itwin-audit summary - what went on

USAGE
  itwin-audit summary [flags] [FILE ...]

DESCRIPTION
  Counts reads by role and reader, and lists readers never seen before, denied and failed attempts, changes of config,
  roles and tokens, and wrapped reads. Readers are new if the log holds no earlier read of theirs, so give it files that reach
  further back than --since.

EXAMPLES
  itwin-audit summary /var/log/vault/audit.log
  itwin-audit summary --since 7d --format html --output week.html /var/log/vault/audit.log*
  kubectl logs vault-0 | itwin-audit summary --since 2026-11-23T00:00:00Z --mount team-a/itwin
`

// manual prints all about a command.
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

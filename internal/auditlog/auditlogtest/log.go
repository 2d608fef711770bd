// Package auditlogtest writes audit logs as Vault 1.21 writes them, for tests and
// benchmarks.
package auditlogtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Line holds the fields of an entry that tests choose; the rest is as Vault writes it.
type Line struct {
	Time      time.Time
	Type      string // request or response; empty is response
	Display   string
	User      string // in the login's metadata
	Entity    string
	Policy    string // that granted the request; empty means that it was denied
	Operation string // empty is read
	Path      string
	Address   string
	MountType string // empty is the plugin's
	Mount     string // empty is itwin/
	Token     string // that was handed out; empty for none
	Hashed    bool   // the mount isn't tuned to show token_id
	Wrapping  string // of a wrapped answer or, with a Token, the one that it came out of
	Holder    string // a wrapping whose own token made the request
	Body      string // of the request, JSON
	Data      string // of the answer, JSON, if it isn't a token
	Warning   string // in the answer
	Error     string // why the request failed, though it was allowed
}

// Hash returns a string in place of Vault's HMAC.
func Hash(s string) string { return "hmac-sha256:" + ID("key"+s) }

// ID returns a token's token_id.
func ID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Accessor returns a string in place of Vault's HMAC of a token's accessor.
func Accessor(token string) string { return Hash("accessor of " + token) }

// entryFormat is an entry of Vault 1.21 with a plugin's mount, its order and its fields.
const entryFormat = `{"auth":{"accessor":%s,"client_token":%s,%s"policies":[%s],%s,"token_policies":[%s],` +
	`"token_issue_time":"2026-11-23T12:43:46Z","token_ttl":2764800,"token_type":"service"},%s"request":{"client_id":%s,` +
	`"client_token":"hmac-sha256:1b7a0c46fece38af83df1d87a7502676a5773be56ff6ebaead43b2d4a7bc5390",` +
	`"client_token_accessor":%s,"data":%s,` +
	`"headers":{"user-agent":["Go-http-client/1.1"]},"id":"a26859ea-bd7d-4598-79c0-3e17140c8fed","mount_class":"secret",` +
	`"mount_is_external_plugin":true,"mount_point":%s,` +
	`"mount_running_sha256":"a44680768102905ad60b77a5cfae94feb7d90d03b15ce79a0971d15ac479259c","mount_running_version":"v0.1.0",` +
	`"mount_type":%s,"namespace":{"id":"root"},"operation":%s,"path":%s,"remote_address":%s,"remote_port":51984},` +
	`%s"time":%s,"type":%s}`

// Append appends an entry and the line's end.
func (l Line) Append(to []byte) []byte {
	caller, policy := "the caller's token", quoted(l.Policy, "default")
	person := fmt.Sprintf(`"display_name":%s,"entity_id":%s,"metadata":{"username":%s},`, quoted(l.Display, ""), quoted(l.Entity, ""),
		quoted(l.User, ""))
	policies := `"default",` + policy
	if l.Holder != "" {
		caller, policies, person = l.Holder, policy, ""
	}
	allowed, failure := `"policy_results":{"allowed":false}`, `"error":"1 error occurred:\n\t* permission denied\n\n",`
	if l.Policy != "" {
		allowed, failure = `"policy_results":{"allowed":true,"granting_policies":[{"type":""},{"name":`+policy+
			`,"namespace_id":"root","type":"acl"}]}`, ""
	}
	if l.Error != "" {
		failure = `"error":` + quoted("1 error occurred:\n\t* "+l.Error+"\n\n", "") + `,`
	}
	accessor := quoted(Accessor(caller), "")
	to = fmt.Appendf(to, entryFormat, accessor, quoted(Hash(caller), ""), person, policies, allowed, policies, failure,
		quoted(l.Entity, ""), accessor, cmp.Or(l.Body, "null"),
		quoted(l.Mount, "itwin/"), quoted(l.MountType, "vault-plugin-secrets-itwin"), quoted(l.Operation, "read"),
		quoted(l.Path, ""), quoted(l.Address, "10.0.0.1"), l.response(), quoted(l.Time.Format(time.RFC3339Nano), ""),
		quoted(l.Type, "response"))
	return append(to, '\n')
}

func quoted(s, otherwise string) string {
	if s == "" {
		s = otherwise
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return string(text)
}

// response is the response's part of an entry.
func (l Line) response() string {
	if l.Type == "request" {
		return ""
	}
	data := l.Data
	if l.Token != "" {
		data = l.token()
	}
	if data != "" {
		data = `"data":` + data + `,`
	}
	wrap, warnings := "", ""
	if l.Wrapping != "" && l.Token == "" {
		wrap = fmt.Sprintf(`,"wrap_info":{"accessor":%q,"creation_path":%q,"creation_time":"2026-11-23T12:43:46Z","token":%q,"ttl":60}`,
			Accessor(l.Wrapping), l.Path, Hash(l.Wrapping))
	}
	if l.Warning != "" {
		warnings = `,"warnings":[` + quoted(l.Warning, "") + `]`
	}
	return `"response":{` + data + `"mount_class":"secret"` + wrap + warnings + `},`
}

// token is the data of a token answer.
func (l Line) token() string {
	id, scope, expires := ID(l.Token), "itwin-platform", fmt.Sprint(l.Time.Add(time.Hour).Unix())
	if l.Hashed {
		id, scope = Hash(id), Hash(scope)
	}
	if l.Wrapping != "" {
		expires = quoted(Hash(expires), "")
	}
	return fmt.Sprintf(`{"access_token":%q,"client_id":"service-x","expires_at":"2026-11-23T13:43:46Z",`+
		`"expires_at_unix":%s,"last_vault_rotation":"2026-11-23T12:43:46Z","rotation_period":1800,"scope":%q,"token_id":%q,`+
		`"token_type":"Bearer","ttl":1812}`, Hash(l.Token), expires, scope, id)
}

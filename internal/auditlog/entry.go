package auditlog

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// entry is the part of a line that is of use.
type entry struct {
	Type     string        `json:"type"`
	Time     time.Time     `json:"time"`
	Error    string        `json:"error"`
	Auth     entryAuth     `json:"auth"`
	Request  entryRequest  `json:"request"`
	Response entryResponse `json:"response"`
}

type entryAuth struct {
	ClientToken   string        `json:"client_token"`
	DisplayName   string        `json:"display_name"`
	EntityID      string        `json:"entity_id"`
	Metadata      entryMetadata `json:"metadata"`
	Policies      []string      `json:"policies"`
	PolicyResults *struct {
		Allowed  bool `json:"allowed"`
		Granting []struct {
			Name string `json:"name"`
		} `json:"granting_policies"`
	} `json:"policy_results"`
}

// entryMetadata holds the names that Vault's own auth methods log a caller in by.
type entryMetadata struct {
	Username                string `json:"username"`
	RoleName                string `json:"role_name"`
	ServiceAccountName      string `json:"service_account_name"`
	ServiceAccountNamespace string `json:"service_account_namespace"`
	CommonName              string `json:"common_name"`
	Role                    string `json:"role"`
}

type entryRequest struct {
	ClientToken string `json:"client_token"`
	Data        struct {
		Token string `json:"token"` // of an unwrapping
	} `json:"data"`
	MountPoint    string `json:"mount_point"`
	MountType     string `json:"mount_type"`
	Operation     string `json:"operation"`
	Path          string `json:"path"`
	RemoteAddress string `json:"remote_address"`
	Namespace     struct {
		Path string `json:"path"`
	} `json:"namespace"`
}

type entryResponse struct {
	Data     answerData `json:"data"`
	WrapInfo *struct {
		Token string `json:"token"`
	} `json:"wrap_info"`
}

// answerData is a token answer. Numbers are in clear, and HMACs in an unwrapping.
type answerData struct {
	AccessToken       string          `json:"access_token"`
	TokenID           string          `json:"token_id"`
	Scope             string          `json:"scope"`
	ExpiresAtUnix     json.RawMessage `json:"expires_at_unix"`
	LastVaultRotation string          `json:"last_vault_rotation"`
	Error             string          `json:"error"`
}

// decode reads a line. Callers shape request bodies freely: a value of another type
// than expected is left out, as json.Unmarshal does, and is no error, or a reader
// could keep out of sight by sending one.
func (e *entry) decode(line []byte) error {
	err := json.Unmarshal(line, e)
	var otherType *json.UnmarshalTypeError
	switch {
	case err != nil && !errors.As(err, &otherType):
		return err
	case e.Time.IsZero():
		return errNoTime
	}
	return nil
}

var errNoTime = errors.New("an entry without a time")

func (d answerData) token() Token {
	t := Token{ID: d.TokenID, Access: d.AccessToken, Scope: shown(d.Scope)}
	var seconds int64
	if json.Unmarshal(d.ExpiresAtUnix, &seconds) == nil && seconds > 0 {
		t.Expires = time.Unix(seconds, 0).UTC()
	}
	return t
}

// HashPrefix begins each string that the log shows as an HMAC.
const HashPrefix = "hmac-sha256:"

func shown(s string) string {
	if strings.HasPrefix(s, HashPrefix) {
		return ""
	}
	return s
}

func (a *entryAuth) reader() Reader {
	r := Reader{Login: a.Metadata.login(), Display: a.DisplayName, Entity: a.EntityID, Policies: strings.Join(a.grantedBy(), ", ")}
	r.Name = r.Display
	if r.Login != "" && !strings.HasSuffix(r.Display, r.Login) {
		r.Name = strings.TrimSpace(r.Display + " " + r.Login)
	}
	if r.Name == "" {
		r.Name = cmp.Or(r.Entity, "(nobody: no valid Vault token)")
	}
	return r
}

func (a *entryAuth) grantedBy() []string {
	var names []string
	if a.PolicyResults != nil {
		for _, policy := range a.PolicyResults.Granting {
			if policy.Name != "" && !slices.Contains(names, policy.Name) {
				names = append(names, policy.Name)
			}
		}
	}
	if len(names) == 0 {
		return a.Policies
	}
	return names
}

func (m entryMetadata) login() string {
	if m.ServiceAccountName != "" {
		return m.ServiceAccountNamespace + "/" + m.ServiceAccountName
	}
	return cmp.Or(m.Username, m.RoleName, m.CommonName, m.Role)
}

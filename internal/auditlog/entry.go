package auditlog

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
)

// entry holds the fields of a line that are used. A picker reads them by their tags.
type entry struct {
	Type     string        `json:"type"`
	Time     string        `json:"time"`
	Error    string        `json:"error"`
	Auth     entryAuth     `json:"auth"`
	Request  entryRequest  `json:"request"`
	Response entryResponse `json:"response"`

	at time.Time // Time, in UTC
}

type entryAuth struct {
	Accessor      string        `json:"accessor"`
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

// entryMetadata holds the names that Vault's auth methods set at login.
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
		ID   string `json:"id"`
		Path string `json:"path"`
	} `json:"namespace"`
}

type entryResponse struct {
	Data     *answerData `json:"data"`
	WrapInfo wrapInfo    `json:"wrap_info"`
}

// wrapInfo describes the wrapping that was made, if Token is set.
type wrapInfo struct {
	Accessor string `json:"accessor"`
	Token    string `json:"token"`
	TTL      int64  `json:"ttl"` // seconds
}

// answerData is a token response. Numbers are in the clear, except in an unwrapping.
type answerData struct {
	AccessToken       string `json:"access_token"`
	TokenID           string `json:"token_id"`
	Scope             string `json:"scope"`
	ExpiresAtUnix     int64  `json:"expires_at_unix"`
	LastVaultRotation string `json:"last_vault_rotation"`
	Error             string `json:"error"`
	// RawBody and Response hold what was wrapped, if Vault logs it as one string.
	RawBody  string `json:"http_raw_body"`
	Response string `json:"response"`
}

// setTime parses the time, which every entry must have.
func (e *entry) setTime() error {
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil || at.Unix() <= firstSecond || at.Unix() > lastSecond {
		return errNoTime
	}
	e.at = at.UTC()
	return nil
}

var errNoTime = errors.New("an entry without a time")

// The years 1 to 9999 in UTC: JSON can't represent others.
const (
	firstSecond = -62_135_596_800 // time.Time's zero, which means no time
	lastSecond  = 253_402_300_799
)

// answer returns the response's data, empty if there is none.
func (r entryResponse) answer() answerData {
	if r.Data == nil {
		return answerData{}
	}
	return *r.Data
}

func (d answerData) token() Token {
	t := Token{ID: d.TokenID, Access: d.AccessToken, Scope: shown(d.Scope)}
	if d.ExpiresAtUnix > 0 && d.ExpiresAtUnix <= lastSecond {
		t.Expires = time.Unix(d.ExpiresAtUnix, 0).UTC()
	}
	return t
}

// HashPrefix is the prefix of strings that the log shows as HMACs.
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

package itwin

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The paths of IMS and of the Platform.
const (
	exchangeEndpoint    = "/connect/token"
	keysEndpoint        = "/.well-known/openid-configuration/jwks"
	meEndpoint          = "/users/me"
	permissionsEndpoint = "/accesscontrol/itwins/some-itwin/permissions"
)

// bentley is an IMS whose tokens are signed and whose keys are published, and the
// Platform besides, in place of an env's fake IMS.
type bentley struct {
	t *testing.T
	e *env

	mu      sync.Mutex
	keys    []*rsa.PrivateKey // the newest last; key ids are their numbers
	answers map[string]http.HandlerFunc
	asked   map[string]int
}

func newBentley(e *env) *bentley {
	e.t.Helper()
	b := &bentley{t: e.t, e: e, answers: make(map[string]http.HandlerFunc), asked: make(map[string]int)}
	b.RotateKey()
	b.Say(exchangeEndpoint, func(w http.ResponseWriter, r *http.Request) {
		saying(http.StatusOK, fmt.Sprintf(`{"access_token":%q,"expires_in":3600}`,
			b.Token(fields{"scope": strings.Fields(r.PostForm.Get("scope"))})))(w, r)
	})
	b.Say(keysEndpoint, b.publish)
	b.Say(meEndpoint, saying(http.StatusOK,
		`{"user":{"id":"u1","displayName":"Bridge robot","email":"robot@apps.example","organizationName":"Bridges"}}`))
	b.Say(permissionsEndpoint, saying(http.StatusOK, `{"permissions":["imodels_read","imodels_write"]}`))
	e.ims.Answer(b.serve)
	return b
}

func (b *bentley) serve(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.asked[r.URL.Path]++
	b.mu.Unlock()
	b.answer(r.URL.Path)(w, r)
}

func (b *bentley) answer(path string) http.HandlerFunc {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answer := b.answers[path]; answer != nil {
		return answer
	}
	return http.NotFound
}

// Say answers requests for a path from now on.
func (b *bentley) Say(path string, answer http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[path] = answer
}

// Asked counts the requests for a path.
func (b *bentley) Asked(path string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked[path]
}

// RotateKey signs with a new key; those before stay published.
func (b *bentley) RotateKey() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(b.t, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys = append(b.keys, key)
}

func (b *bentley) publish(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	set := make([]fields, 0, len(b.keys))
	for number, key := range b.keys {
		set = append(set, fields{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid(number),
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		})
	}
	_ = json.NewEncoder(w).Encode(fields{"keys": set}) //nolint:errchkjson // texts and numbers marshal
}

func kid(number int) string { return fmt.Sprintf("BentleyIMS_%d", 2026+number) }

// Token is a signed token of the env's app; changes win.
func (b *bentley) Token(changes fields) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	number := len(b.keys) - 1
	signed := jwtPart(fields{"alg": "RS256", "kid": kid(number)}) + "." + jwtPart(b.claims(changes))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, b.keys[number], crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// HS256Token is what a forger makes who takes the public key for a shared one.
func (b *bentley) HS256Token() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	signed := jwtPart(fields{"alg": "HS256", "kid": kid(0)}) + "." + jwtPart(b.claims(nil))
	mac := hmac.New(sha256.New, b.keys[0].N.Bytes())
	_, _ = mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (b *bentley) claims(changes fields) fields {
	claims := fields{
		"iss": b.e.ims.URL, "client_id": "service-test", "scope": []string{"itwin-platform"}, "aud": []string{"bentley-api-management"},
		"jti": rand.Text(), "exp": b.e.clock.now().Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func jwtPart(content fields) string {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

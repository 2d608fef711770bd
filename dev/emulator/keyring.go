package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	signatureAlgorithm = jose.RS256
	keyBits            = 2048
	firstKeyYear       = 2026
	// tokenManager is PingFederate's header that names the access token manager which issued a token.
	tokenManagerHeader = "pi.atm"
	tokenManager       = "a8me"
)

// keyring signs with its newest key and publishes all that haven't been withdrawn. IMS names a key after the year it was made in.
type keyring struct {
	mu     sync.RWMutex
	made   int // how many keys there have been
	signer jose.Signer
	public jose.JSONWebKeySet
}

func newKeyring() (*keyring, error) {
	k := &keyring{}
	if err := k.rotate(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *keyring) rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := jose.JSONWebKey{
		Key:       private,
		KeyID:     fmt.Sprintf("BentleyIMS_%d", firstKeyYear+k.made),
		Algorithm: string(signatureAlgorithm),
		Use:       "sig",
	}
	options := new(jose.SignerOptions).WithHeader(tokenManagerHeader, tokenManager)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: signatureAlgorithm, Key: key}, options)
	if err != nil {
		return err
	}
	k.made++
	k.signer = signer
	k.public.Keys = append(k.public.Keys, key.Public())
	return nil
}

// withdraw leaves the key that signs as the only one published.
func (k *keyring) withdraw() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.public.Keys = k.public.Keys[len(k.public.Keys)-1:]
}

// published is the key set as the keys endpoint serves it, RFC 7517 section 5.
func (k *keyring) published() jose.JSONWebKeySet {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return jose.JSONWebKeySet{Keys: append([]jose.JSONWebKey(nil), k.public.Keys...)}
}

func (k *keyring) sign(claims any) (string, error) {
	k.mu.RLock()
	signer := k.signer
	k.mu.RUnlock()
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// verify checks the signature alone and reads the token's claims into each of dest.
func (k *keyring) verify(token string, dest ...any) error {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{signatureAlgorithm})
	if err != nil {
		return err
	}
	keys := k.published()
	return parsed.Claims(&keys, dest...)
}

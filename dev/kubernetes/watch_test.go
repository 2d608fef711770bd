package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// copies are the tokens that a consumer was given, in the order in which it got them. One that is written twice is there twice.
type copies struct {
	name string

	mu  sync.Mutex
	all []writing
}

type writing struct {
	at    time.Time
	token string
}

func (c *copies) add(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, writing{time.Now(), token})
}

func (c *copies) list() []writing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// watch follows a Secret until the test ends.
func (c *cluster) watch(t *testing.T, namespace, name string) *copies {
	t.Helper()
	written := &copies{name: "the Secret " + name}
	response, err := c.do(t, http.MethodGet, "/api/v1/namespaces/"+namespace+"/secrets?watch=1&fieldSelector=metadata.name="+name, "", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	var ended sync.WaitGroup
	ended.Go(func() {
		decoder := json.NewDecoder(response.Body)
		for {
			var event struct {
				Object struct{ Data map[string][]byte }
			}
			if decoder.Decode(&event) != nil { // the test ends, and with it the request
				return
			}
			assert.Len(t, event.Object.Data, 1, "keys of %s", written.name)
			written.add(string(event.Object.Data["access_token"]))
		}
	})
	t.Cleanup(func() {
		_ = response.Body.Close() // what ends the watch
		ended.Wait()
	})
	return written
}

// requireValidThroughout holds each copy to its promises: it came with a new token, and before the one before it had ended.
func requireValidThroughout(t *testing.T, ims *emulator.Emulator, c *copies) {
	t.Helper()
	issued := make(map[string]emulator.Issued)
	for _, token := range ims.Issued() {
		issued[token.SHA256] = token
	}
	var before emulator.Issued
	for i, w := range c.list() {
		sum := sha256.Sum256([]byte(w.token))
		token, ok := issued[hex.EncodeToString(sum[:])]
		require.Truef(t, ok, "%s, writing %d: not a token of IMS", c.name, i)
		if i > 0 {
			require.NotEqualf(t, before.SHA256, token.SHA256, "%s, writing %d: the same token again", c.name, i)
			require.Truef(t, token.IssuedAt.After(before.IssuedAt), "%s, writing %d: an older token", c.name, i)
			require.Truef(t, before.Expiry.After(w.at), "%s, writing %d came %s too late", c.name, i, w.at.Sub(before.Expiry))
		}
		before = token
	}
	require.Truef(t, before.Expiry.After(time.Now()), "%s holds a token that has ended", c.name)
}

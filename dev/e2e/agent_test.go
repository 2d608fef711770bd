package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const sampleInterval = 100 * time.Millisecond

// rendering is a file that an agent renders a token into, and what it was seen to hold.
type rendering struct {
	t     *testing.T
	ims   *emulator.Emulator
	path  string
	seen  []string // digests, each once for as long as it stood
	write time.Time
	count int // writes of the file
}

func renderToken(t *testing.T, e *env) *rendering {
	t.Helper()
	r := &rendering{t: t, ims: e.ims, path: filepath.Join(t.TempDir(), "token")}
	user := e.server.User(t, "agent", `path "itwin/token" { capabilities = ["read"] }`)
	agent := e.server.StartAgent(t, user.Token(), vaulttest.Template{
		Contents:    `{{ with secret "itwin/token" }}{{ .Data.access_token }}{{ end }}`,
		Destination: r.path,
	})
	vaulttest.Wait(t, 20*time.Second, "the agent to render", func() error {
		_, err := os.Stat(r.path)
		return err
	})
	t.Cleanup(func() { require.True(t, agent.Running(), "the agent gave up") })
	return r
}

// sample looks at the file and returns the token in it, as IMS remembers it.
func (r *rendering) sample() emulator.Issued {
	r.t.Helper()
	text, err := os.ReadFile(r.path)
	require.NoError(r.t, err)
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	if len(r.seen) == 0 || r.seen[len(r.seen)-1] != digest {
		require.NotContains(r.t, r.seen, digest, "an old token came back")
		r.seen = append(r.seen, digest)
	}
	if info, err := os.Stat(r.path); err == nil && !info.ModTime().Equal(r.write) {
		r.write = info.ModTime()
		r.count++
	}
	issued := r.ims.Issued()
	i := slices.IndexFunc(issued, func(token emulator.Issued) bool { return token.SHA256 == digest })
	require.GreaterOrEqual(r.t, i, 0, "the file holds something else than a token")
	return issued[i]
}

// until samples until done says so, and fails after the limit.
func (r *rendering) until(limit time.Duration, what string, done func(held emulator.Issued, now time.Time) bool) {
	r.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(sampleInterval) {
		now := time.Now()
		if done(r.sample(), now) {
			return
		}
		require.Truef(r.t, now.Before(deadline), "%s was awaited for %s", what, limit)
	}
}

func (r *rendering) newest() emulator.Issued {
	issued := r.ims.Issued()
	return issued[len(issued)-1]
}

func TestAgentsFileNeverHoldsAnExpiredTokenWhileThereIsAnother(t *testing.T) {
	t.Parallel()
	e := newEnv(t, vaulttest.Options{InMemory: true})
	e.ims.SetLifetime(20 * time.Second)
	e.configure(nil)
	file := renderToken(t, e)

	const rotations = 5
	started := time.Now()
	file.until(90*time.Second, "five rotations", func(held emulator.Issued, now time.Time) bool {
		require.True(t, held.Expiry.After(now), "the file holds an expired token")
		return len(file.seen) > rotations
	})
	require.Len(t, file.seen, file.count, "the file was written without need")
	for i, digest := range file.seen {
		require.Equal(t, e.ims.Issued()[i].SHA256, digest, "the file passed over a token")
	}
	t.Logf("%d rotations in %s", rotations, time.Since(started).Round(time.Second))

	require.NoError(t, e.ims.Down())
	last := file.newest()
	file.until(30*time.Second, "the last token's end", func(held emulator.Issued, now time.Time) bool {
		if !held.Expiry.After(now) {
			require.Equal(t, last.SHA256, held.SHA256, "an old token expired in the file while there was a newer one")
			return true
		}
		return false
	})
	require.NoError(t, e.ims.Up())
	recovered := time.Now()
	file.until(90*time.Second, "a valid token again", func(held emulator.Issued, now time.Time) bool {
		return held.Expiry.After(now)
	})
	t.Logf("the agent had a valid token again %s after IMS had", time.Since(recovered).Round(time.Second))
}

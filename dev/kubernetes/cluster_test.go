package kubernetes

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	// issuer is the API server's own audience as well: what pods' tokens are for. It is kubeadm's default.
	issuer     = "https://kubernetes.default.svc.cluster.local"
	adminToken = "admin-of-the-test"
	startTime  = time.Minute
)

// cluster is a Kubernetes without nodes: an API server, and etcd behind it.
type cluster struct {
	address string
	caCert  string // PEM of the API server's own certificate
	client  *http.Client
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	dir, etcd, c := t.TempDir(), startEtcd(t), &cluster{address: vaulttest.FreeAddress(t)}
	tokens, key, certs := filepath.Join(dir, "tokens.csv"), filepath.Join(dir, "sa.key"), filepath.Join(dir, "certs")
	require.NoError(t, os.WriteFile(tokens, []byte(adminToken+",admin,admin,system:masters\n"), 0o600))
	writeKey(t, key)
	host, port, err := net.SplitHostPort(c.address)
	require.NoError(t, err)
	start(t, dir, nil, "kube-apiserver",
		"--etcd-servers="+etcd, "--bind-address="+host, "--advertise-address="+host, "--secure-port="+port, "--cert-dir="+certs,
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC", "--token-auth-file="+tokens,
		"--service-account-issuer="+issuer, "--service-account-key-file="+key, "--service-account-signing-key-file="+key)
	vaulttest.Wait(t, startTime, "the API server to be ready", func() error {
		if c.caCert == "" {
			cert, err := os.ReadFile(filepath.Join(certs, "apiserver.crt"))
			if err != nil {
				return err
			}
			c.trust(t, cert)
		}
		_, err := c.call(t, http.MethodGet, "/readyz", "", nil)
		return err
	})
	return c
}

func startEtcd(t *testing.T) (url string) {
	t.Helper()
	dir, clients, peers := t.TempDir(), "http://"+vaulttest.FreeAddress(t), "http://"+vaulttest.FreeAddress(t)
	start(t, dir, nil, "etcd", "--data-dir="+dir, "--unsafe-no-fsync", "--listen-peer-urls="+peers,
		"--listen-client-urls="+clients, "--advertise-client-urls="+clients)
	return clients
}

// writeKey writes what service accounts' tokens are signed with.
func writeKey(t *testing.T, path string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
}

func (c *cluster) trust(t *testing.T, cert []byte) {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(cert))
	c.caCert = string(cert)
	c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

func (c *cluster) url() string { return "https://" + c.address }

// do makes a request as an administrator. The answer's body is the caller's to close.
func (c *cluster) do(t *testing.T, method, path, contentType string, body []byte) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.url()+path, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+adminToken)
	request.Header.Set("Content-Type", contentType)
	return c.client.Do(request)
}

// call makes a request that must succeed, and returns the answer's body.
func (c *cluster) call(t *testing.T, method, path, contentType string, body []byte) ([]byte, error) {
	t.Helper()
	response, err := c.do(t, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	return text, err
}

// serviceAccountToken asks for a token for audiences; with none, it is for the API server, as that of a pod is.
func (c *cluster) serviceAccountToken(t *testing.T, namespace, name string, audiences ...string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"audiences": audiences}})
	require.NoError(t, err)
	text, err := c.call(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+name+"/token", "application/json", body)
	require.NoError(t, err)
	var answer struct{ Status struct{ Token string } }
	require.NoError(t, json.Unmarshal(text, &answer))
	require.NotEmpty(t, answer.Status.Token)
	return answer.Status.Token
}

// writeKubeconfig is for programs that run outside of the cluster, as its administrator.
func (c *cluster) writeKubeconfig(t *testing.T) (path string) {
	t.Helper()
	named := func(key string, value map[string]any) []any { return []any{map[string]any{"name": "test", key: value}} }
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": named("cluster", map[string]any{"server": c.url(), "certificate-authority-data": []byte(c.caCert)}),
		"users":    named("user", map[string]any{"token": adminToken}),
		"contexts": named("context", map[string]any{"cluster": "test", "user": "test"}),
	})
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

package e2e

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
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

const (
	// clusterIssuer is the API server's own audience as well: what pods' tokens are for. It is kubeadm's default.
	clusterIssuer = "https://kubernetes.default.svc.cluster.local"
	clusterAdmin  = "admin-of-the-test"
	clusterStart  = time.Minute
)

// cluster is a Kubernetes without nodes: an API server, and etcd behind it. The Vault is outside of it.
type cluster struct {
	*consumers

	url    string
	caCert string // PEM of the API server's own certificate
	client *http.Client
}

// startCluster skips the test unless `make kubernetes` has built the programs.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("KUBERNETES_BIN") == "" {
		t.Skip("make kubernetes runs this test, and builds a Kubernetes API server for it")
	}
	address := vaulttest.FreeAddress(t)
	c := &cluster{consumers: newConsumers(t, vaulttest.Options{InMemory: true}), url: "https://" + address}
	etcd, peers := "http://"+vaulttest.FreeAddress(t), "http://"+vaulttest.FreeAddress(t)
	dir := t.TempDir()
	c.start(t, "", dir, program("etcd"), "--data-dir="+filepath.Join(dir, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd, "--listen-peer-urls="+peers)

	tokens, key, certs := filepath.Join(dir, "tokens.csv"), filepath.Join(dir, "sa.key"), filepath.Join(dir, "certs")
	require.NoError(t, os.WriteFile(tokens, []byte(clusterAdmin+",admin,admin,system:masters\n"), 0o600))
	writeSigningKey(t, key)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	c.start(t, "", dir, program("kube-apiserver"),
		"--etcd-servers="+etcd, "--bind-address="+host, "--advertise-address="+host, "--secure-port="+port, "--cert-dir="+certs,
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC", "--token-auth-file="+tokens,
		"--service-account-issuer="+clusterIssuer, "--service-account-key-file="+key, "--service-account-signing-key-file="+key)
	vaulttest.Wait(t, clusterStart, "the API server to be ready", func() error {
		cert, err := os.ReadFile(filepath.Join(certs, "apiserver.crt"))
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(cert)
		c.caCert = string(cert)
		c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
		_, err = c.call(t, http.MethodGet, "/readyz", "", "")
		return err
	})
	return c
}

// program is the path of a program that `make kubernetes` has built.
func program(name string) string { return filepath.Join(os.Getenv("KUBERNETES_BIN"), name) }

// writeSigningKey writes what service accounts' tokens are signed with.
func writeSigningKey(t *testing.T, path string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
}

// do makes a request as an administrator. The answer's body is the caller's to close.
func (c *cluster) do(t *testing.T, method, path, contentType, body string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+clusterAdmin)
	request.Header.Set("Content-Type", contentType)
	return c.client.Do(request)
}

// call makes a request that must succeed, and returns the answer's body.
func (c *cluster) call(t *testing.T, method, path, contentType, body string) ([]byte, error) {
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

// apply does as `kubectl apply --server-side`. A kind that was defined a moment ago takes the API server a while.
func (c *cluster) apply(t *testing.T, manifests string) {
	t.Helper()
	for manifest := range strings.SplitSeq(manifests, "\n---\n") {
		path := pathOf(t, decodeYAML(t, manifest)[0])
		vaulttest.Wait(t, clusterStart, "the API server to take "+path, func() error {
			_, err := c.call(t, http.MethodPatch, path+"?fieldManager=test&force=true", "application/apply-patch+yaml", manifest)
			return err
		})
	}
}

// pathOf is where the API server has an object. The plurals of all kinds that the test has are regular.
func pathOf(t *testing.T, object node) string {
	t.Helper()
	group, metadata := "/apis/"+object.at(t, "apiVersion").text(t), object.at(t, "metadata")
	if group == "/apis/v1" {
		group = "/api/v1"
	}
	if namespace, ok := metadata.value.(map[string]any)["namespace"]; ok {
		group += "/namespaces/" + namespace.(string)
	}
	return group + "/" + strings.ToLower(object.at(t, "kind").text(t)) + "s/" + metadata.at(t, "name").text(t)
}

// serviceAccountToken is a token of the app's service account for audiences; with none, for the API server, as a pod has it.
func (c *cluster) serviceAccountToken(t *testing.T, account string, audiences []string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"audiences": audiences}})
	require.NoError(t, err)
	text, err := c.call(t, http.MethodPost, "/api/v1/namespaces/app/serviceaccounts/"+account+"/token", "application/json", string(body))
	require.NoError(t, err)
	var answer struct{ Status struct{ Token string } }
	require.NoError(t, json.NewDecoder(bytes.NewReader(text)).Decode(&answer))
	return answer.Status.Token
}

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// TestUnsolicitedResponsesAreNotLogged: a connection that is kept open can be spoken
// on at any time, by a server that has just been sent the secret.
func TestUnsolicitedResponsesAreNotLogged(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	storage := &logical.InmemStorage{}
	backend, stop := start(t, storage, &stderr)
	address, hungUp := talkative(t)

	resp, err := backend.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "config", MountPoint: "itwin/", Storage: storage,
		Data: map[string]any{"client_id": "service-test", "client_secret": "canary-secret", "authority": "http://" + address},
	})
	require.NoError(t, err)
	require.NoError(t, resp.Error())
	<-hungUp
	stop()
	require.Contains(t, stderr.String(), "config written", "the log is seen at all")
	require.NotContains(t, stderr.String(), "canary")
}

// talkative is an IMS that grants a token and goes on talking until the client
// hangs up.
func talkative(t *testing.T) (address string, hungUp <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		sent, _ := io.ReadAll(request.Body)
		const grant = `{"access_token":"canary-token","token_type":"Bearer","expires_in":3600}`
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(grant))+"\r\n\r\n"+grant)
		_, _ = io.WriteString(conn, "what you sent was "+string(sent))
		_, _ = io.Copy(io.Discard, conn)
	}()
	return listener.Addr().String(), done
}

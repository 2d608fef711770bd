package itwin

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// answering is an IMS that answers every exchange this way.
func answering(handler http.HandlerFunc) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return endpoint{tokenURL: server.URL + tokenEndpoint}
	}
}

// granting is an IMS that says 200 with a body.
func granting(body string) func(*testing.T) endpoint {
	return answering(saying(http.StatusOK, body))
}

// headed adds headers to an answer.
func headed(headers map[string]string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		next(w, r)
	}
}

// wired is an IMS that reads the request and then has the connection to itself,
// to write whatever no HTTP server would.
func wired(handle func(net.Conn)) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		return endpoint{tokenURL: "http://" + listening(t, func(conn net.Conn) {
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			handle(conn)
		})}
	}
}

// listening hands every connection to handle and closes it after.
func listening(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// silence waits until the client hangs up.
func silence(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// writing writes once, and then hangs up.
func writing(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

// stalling writes once, and then says nothing more.
func stalling(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		silence(conn)
	}
}

// endless writes once, and then the same again and again until the client hangs up.
func endless(first, again string) func(net.Conn) {
	return func(conn net.Conn) {
		_, err := io.WriteString(conn, first)
		for err == nil {
			_, err = io.WriteString(conn, again)
		}
	}
}

// resetting writes once and then resets the connection.
func resetting(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

// noLog keeps what servers say of hostile clients out of the test's output.
func noLog() *log.Logger { return log.New(io.Discard, "", 0) }

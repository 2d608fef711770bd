package emulator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// readHeaderTimeout frees a connection whose client never completes a request header.
const readHeaderTimeout = 10 * time.Second

// listener keeps one address over any number of down and up.
type listener struct {
	addr    string
	tls     bool
	handler http.Handler

	mu      sync.Mutex
	server  *httptest.Server   // can't be used again once it is closed; nil while down
	release context.CancelFunc // ends the requests that wait
}

func (l *listener) up() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return nil
	}
	socket, err := net.Listen("tcp", l.addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", l.addr, err)
	}
	l.serve(socket)
	return nil
}

func (l *listener) serve(socket net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	l.release = cancel
	l.server = &httptest.Server{Listener: socket, Config: &http.Server{
		Handler:           l.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}}
	if l.tls {
		l.server.StartTLS()
		return
	}
	l.server.Start()
}

func (l *listener) down() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil {
		return nil
	}
	err := l.server.Listener.Close() // first, so that no connection comes after those that are closed
	l.release()
	l.server.CloseClientConnections()
	l.server.Close()
	l.server = nil
	return err
}

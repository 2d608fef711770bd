package emulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// readHeaderTimeout frees a connection whose client never completes a request header.
const readHeaderTimeout = 10 * time.Second

var errClosed = errors.New("the emulator is closed")

// listener keeps one address over any number of down and up.
type listener struct {
	addr   string
	url    string
	caCert string
	tls    *tls.Config

	mu      sync.Mutex
	handler http.Handler
	socket  net.Listener // bound, and not yet handed to a run
	run     *run         // nil while down
	closed  bool
}

// listen binds the address, so that URL is known before the handler is built. Connections wait for start.
func listen(addr string, useTLS bool) (*listener, error) {
	l := &listener{}
	scheme := "http"
	if useTLS {
		scheme = "https"
		certificate, caCert, err := newCertificate()
		if err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		l.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		l.caCert = caCert
	}
	if err := l.bind(addr); err != nil {
		return nil, err
	}
	l.addr = l.socket.Addr().String()
	l.url = scheme + "://" + l.addr
	return l, nil
}

func (l *listener) bind(addr string) error {
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	l.socket = socket
	return nil
}

func (l *listener) start(handler http.Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handler = handler
	l.run = serve(l.socket, handler, l.tls)
}

func (l *listener) up() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return errClosed
	case l.run != nil:
		return nil
	}
	if err := l.bind(l.addr); err != nil {
		return err
	}
	l.run = serve(l.socket, l.handler, l.tls)
	return nil
}

func (l *listener) down() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stop()
}

func (l *listener) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.stop()
}

func (l *listener) stop() error {
	if l.run == nil {
		return nil
	}
	err := l.run.stop()
	l.run = nil
	return err
}

// run is the time between an up and a down. An http.Server can't be used again once it is closed.
type run struct {
	server *http.Server
	cancel context.CancelFunc
	active sync.WaitGroup // the accept loop and every connection
}

func serve(socket net.Listener, handler http.Handler, tlsConfig *tls.Config) *run {
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{cancel: cancel}
	r.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         r.track,
		TLSConfig:         tlsConfig,
		// A connection of HTTP/1 handles its requests itself, so counting connections counts handlers too.
		Protocols: new(http.Protocols),
	}
	r.server.Protocols.SetHTTP1(true)
	r.active.Go(func() { r.accept(socket) })
	return r
}

// accept ends with http.ErrServerClosed or when the socket breaks; either way connections are refused from then on.
func (r *run) accept(socket net.Listener) {
	if r.server.TLSConfig != nil {
		_ = r.server.ServeTLS(socket, "", "")
		return
	}
	_ = r.server.Serve(socket)
}

func (r *run) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		r.active.Add(1)
	case http.StateClosed, http.StateHijacked:
		r.active.Done()
	case http.StateActive, http.StateIdle:
	}
}

func (r *run) stop() error {
	r.cancel()
	err := r.server.Close()
	r.active.Wait()
	if err != nil {
		return fmt.Errorf("closing the listener: %w", err)
	}
	return nil
}

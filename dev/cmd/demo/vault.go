package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	startLimit = 30 * time.Second
	stopLimit  = 10 * time.Second
	pollEvery  = 50 * time.Millisecond
)

// serverLog is in the folder that all lines run in.
const serverLog = "vault.log"

// server is a Vault in dev mode: in memory, initialized and unsealed from the start.
type server struct {
	process *os.Process
	addr    string // http://host:port
	ended   chan struct{}
}

// serverLine is the command that starts Vault at a host and port. Dev mode's own -dev-plugin-dir isn't used: it would
// register the plugin by itself, which is a step to show.
func serverLine(listen string) string {
	return "vault server -dev -dev-no-store-token -dev-listen-address=" + listen + nextLine + "-config=vault.hcl >" + serverLog + " 2>&1"
}

// startServer runs the line in the background. The group of processes is its own, so that Ctrl-C leaves its end to
// stop, and the plugin process can't outlive it.
func startServer(sh *shell, line, addr string) (*server, error) {
	s := &server{addr: addr, ended: make(chan struct{})}
	command := exec.Command("bash", "-c", "exec "+line)
	command.Dir, command.Env = sh.folder, sh.environment()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting Vault: %w", err)
	}
	s.process = command.Process
	go func() {
		_ = command.Wait()
		close(s.ended)
	}()
	return s, nil
}

// ready waits until Vault accepts the token: a server that took the port earlier wouldn't.
func (s *server) ready(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for !s.accepts(ctx, token) {
		select {
		case <-s.ended:
			return errors.New("waiting for Vault: it ended")
		case <-ctx.Done():
			return fmt.Errorf("waiting for Vault: %w", ctx.Err())
		case <-poll.C:
		}
	}
	return nil
}

func (s *server) accepts(ctx context.Context, token string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.addr+"/v1/auth/token/lookup-self", http.NoBody)
	if err != nil {
		return false
	}
	request.Header.Set("X-Vault-Token", token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// stop returns when Vault and the plugin process it started are gone.
func (s *server) stop() {
	_ = s.process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopLimit):
	}
	_ = syscall.Kill(-s.process.Pid, syscall.SIGKILL)
	<-s.ended
}

// freeAddress is a host and port that nothing listens on, nor on the port after it, which Vault takes as well.
func freeAddress() (string, error) {
	for range 100 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("finding a free port: %w", err)
		}
		addr, _ := first.Addr().(*net.TCPAddr)
		second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", addr.Port+1))
		_ = first.Close()
		if err == nil {
			_ = second.Close()
			return addr.String(), nil
		}
	}
	return "", errors.New("finding a free port: no two in a row are free")
}

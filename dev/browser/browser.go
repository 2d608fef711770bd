package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answerTime is how long Chromium may take to answer one command.
const answerTime = 60 * time.Second

// Page is a page in a browser of its own.
type Page struct {
	tb      testing.TB
	to      io.Writer
	from    *bufio.Reader
	session string
	next    int
	events  []Event
}

// Event is something that Chromium told unasked.
type Event struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// Open starts the Chromium at a path, with nothing of its own to say to the network, and opens a URL.
func Open(tb testing.TB, chromium, url string) *Page {
	tb.Helper()
	p := &Page{tb: tb}
	p.start(chromium)
	var target struct{ TargetID, SessionID string }
	p.call(&target, "Target.createTarget", fields{"url": "about:blank"})
	p.call(&target, "Target.attachToTarget", fields{"targetId": target.TargetID, "flatten": true})
	p.session = target.SessionID
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		p.call(nil, domain+".enable", nil)
	}
	p.call(nil, "Page.navigate", fields{"url": url})
	for !p.told("Page.loadEventFired") {
		p.receive()
	}
	return p
}

// fields are the parameters of a command.
type fields map[string]any

func (p *Page) start(chromium string) {
	p.tb.Helper()
	commands, to, err := os.Pipe()
	require.NoError(p.tb, err)
	from, answers, err := os.Pipe()
	require.NoError(p.tb, err)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir="+p.tb.TempDir(), "--remote-debugging-pipe")
	cmd.ExtraFiles = []*os.File{commands, answers} // 3 and 4, where Chromium looks for them
	require.NoError(p.tb, cmd.Start())
	require.NoError(p.tb, commands.Close())
	require.NoError(p.tb, answers.Close())
	p.to, p.from = to, bufio.NewReader(from)
	p.tb.Cleanup(func() {
		p.session = ""
		p.call(nil, "Browser.close", nil)
		_ = cmd.Wait() // a browser that was told to end may end as it likes
		stop()
	})
	require.NoError(p.tb, from.SetReadDeadline(time.Now().Add(5*answerTime)))
}

// message is one of the protocol, either way.
type message struct {
	ID        int    `json:"id,omitempty"`
	SessionID string `json:"sessionId,omitempty"`
	Event

	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// call sends a command and waits for its answer.
func (p *Page) call(result any, method string, params fields) {
	p.tb.Helper()
	if params == nil {
		params = fields{}
	}
	p.next++
	id := p.next
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": p.session})
	require.NoError(p.tb, err)
	_, err = p.to.Write(append(text, 0))
	require.NoError(p.tb, err)
	for {
		answer := p.receive()
		if answer.ID != id {
			continue
		}
		require.Nilf(p.tb, answer.Error, "%s: %v", method, answer.Error)
		if result != nil {
			require.NoError(p.tb, json.Unmarshal(answer.Result, result))
		}
		return
	}
}

func (p *Page) receive() message {
	p.tb.Helper()
	text, err := p.from.ReadBytes(0)
	require.NoError(p.tb, err)
	var m message
	require.NoError(p.tb, json.Unmarshal(text[:len(text)-1], &m))
	if m.Method != "" {
		p.events = append(p.events, m.Event)
	}
	return m
}

func (p *Page) told(method string) bool { return len(p.Told(method)) > 0 }

// Told are the parameters of all events of a method so far, such as Network.requestWillBeSent.
func (p *Page) Told(method string) []string {
	var told []string
	for _, e := range p.events {
		if e.Method == method {
			told = append(told, string(e.Params))
		}
	}
	return told
}

// Evaluate returns what a JavaScript expression gives, as text.
func (p *Page) Evaluate(expression string) string {
	p.tb.Helper()
	var answer struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
	}
	p.call(&answer, "Runtime.evaluate", fields{"expression": expression, "returnByValue": true})
	return fmt.Sprint(answer.Result.Value)
}

// Show makes the page so wide, in CSS pixels, for a medium (screen or print) and a colour scheme (light or dark).
func (p *Page) Show(width int, medium, scheme string) {
	p.tb.Helper()
	p.call(nil, "Emulation.setDeviceMetricsOverride", fields{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 640})
	p.call(nil, "Emulation.setEmulatedMedia", fields{
		"media": medium, "features": []fields{{"name": "prefers-color-scheme", "value": scheme}},
	})
}

// Screenshot writes a picture of the whole page, as PNG.
func (p *Page) Screenshot(path string) {
	p.tb.Helper()
	var picture struct {
		Data []byte `json:"data"`
	}
	p.call(&picture, "Page.captureScreenshot", fields{"captureBeyondViewport": true})
	require.NoError(p.tb, os.WriteFile(path, picture.Data, 0o600))
}

package itwin

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

const (
	goodAnswer = `{"access_token":"canary-hostile","token_type":"Bearer","expires_in":3600}`

	noJSON   = "the answer of IMS at HOST is no token, stage decoding: it isn't the JSON of RFC 6749"
	tooLarge = "stage reading the answer: the answer is larger than 1 MiB"
	broken   = "the connection was closed or reset before the answer was complete"
	noHTTP   = "the answer isn't readable as HTTP, or exceeds the limits on its headers"
	neither  = "the answer is neither a token nor an OAuth error"
	fails    = "it fails, or a gateway in front of it does"
	head     = "HTTP/1.1 200 OK\r\n"
	chunked  = head + "Transfer-Encoding: chunked\r\n\r\n"
)

// redirects must not be followed: the secret is in the body.
func redirects() map[string]hostility {
	cases := make(map[string]hostility)
	for status := http.StatusMovedPermanently; status <= http.StatusPermanentRedirect; status++ {
		text := fmt.Sprintf("IMS at HOST answers with status %d, stage HTTP status: redirects are not followed", status)
		cases[fmt.Sprintf("it redirects with %d to itself", status)] = hostility{redirectingHome(status), http.StatusBadGateway, text, ""}
		cases[fmt.Sprintf("it redirects with %d to another host", status)] = hostility{redirectingAway(status), http.StatusBadGateway, text, ""}
	}
	return cases
}

func redirectingHome(status int) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		return answering(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != tokenEndpoint {
				t.Errorf("a redirect was followed to %s", r.URL)
			}
			w.Header().Set("Location", "/canary")
			w.WriteHeader(status)
		})(t)
	}
}

func redirectingAway(status int) func(*testing.T) endpoint {
	return func(t *testing.T) endpoint {
		t.Helper()
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("a redirect was followed to another host")
		}))
		t.Cleanup(other.Close)
		return answering(headed(map[string]string{"Location": other.URL}, saying(status, "canary")))(t)
	}
}

func statuses() map[string]hostility {
	cases := make(map[string]hostility)
	const page = "<html><body>canary page</body></html>"
	for _, status := range []int{201, 202, 204, 206, 226, 400, 401, 403, 404, 405, 418, 451, 499, 500, 501, 502, 503, 504, 520, 599, 999} {
		text := fmt.Sprintf("IMS at HOST answers with status %d, stage HTTP status: ", status)
		if status < 500 {
			text += neither
		} else {
			text += fails
		}
		cases[fmt.Sprintf("it answers %d with a page of HTML", status)] = hostility{
			answering(saying(status, page)), http.StatusBadGateway, text, "",
		}
	}
	for _, status := range []int{500, 502, 503, 504} {
		text := fmt.Sprintf("IMS at HOST answers with status %d, stage HTTP status: "+fails, status)
		cases[fmt.Sprintf("it answers %d with an OAuth error that isn't its to give", status)] = hostility{
			answering(saying(status, `{"error":"canary"}`)), http.StatusBadGateway, text, "",
		}
	}
	cases["it switches protocols"] = hostility{
		wired(stalling("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: canary\r\n\r\n")),
		http.StatusBadGateway, "IMS at HOST answers with status 101, stage HTTP status: " + neither, "",
	}
	return cases
}

func bodies() map[string]hostility {
	deep := strings.Repeat("[", 1_000_000)
	no := func(body string) hostility { return hostility{granting(body), http.StatusBadGateway, noJSON, ""} }
	return map[string]hostility{
		"the body is HTML":                      no("<html>canary</html>"),
		"the body is a form":                    no("access_token=canary&token_type=Bearer&expires_in=3600"),
		"the body is empty":                     no(""),
		"the body is a NUL":                     no("\x00"),
		"the body is an array":                  no("[" + goodAnswer + "]"),
		"the body is a string":                  no(`"canary"`),
		"the body is null":                      no("null"),
		"the body is a number":                  no("1e999"),
		"the body is nested a million deep":     no(deep),
		"a field is nested half a million deep": no(`{"canary":` + deep[:500_000] + "," + goodAnswer[1:]),
		"the body has a BOM":                    no("\ufeff" + goodAnswer),
		"the body is UTF-16":                    no(inUTF16(goodAnswer)),
		"the body goes on after the object":     no(goodAnswer + "canary"),
		"the body is cut in the middle":         no(goodAnswer[:40]),
		"the body is 2 MiB":                     {granting(goodAnswer + strings.Repeat(" ", 2<<20)), http.StatusBadGateway, tooLarge, ""},
		"the body is a compressed bomb":         {bomb, http.StatusBadGateway, noJSON, ""},
		"the body comes a byte a second":        {answering(dripping), http.StatusGatewayTimeout, "within 1s, stage reading the answer", ""},
		"a refusal's body is 2 MiB": {
			answering(saying(400, `{"error":"invalid_client","error_description":"`+strings.Repeat("canary", 2<<20/6)+`"}`)),
			http.StatusBadGateway, "answers with status 400, stage HTTP status: " + neither, "",
		},
	}
}

func inUTF16(text string) string {
	var wide bytes.Buffer
	wide.WriteString("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(text)) {
		wide.WriteByte(byte(unit))
		wide.WriteByte(byte(unit >> 8))
	}
	return wide.String()
}

// bomb is an answer below 1 MiB that swells to 900.
func bomb(t *testing.T) endpoint {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(make([]byte, 1<<20))
	_ = writer.Close()
	body := strings.Repeat(packed.String(), 900) // gzip's members may be joined
	return answering(headed(map[string]string{"Content-Encoding": "gzip"}, saying(http.StatusOK, body)))(t)
}

// dripping would take more than a minute for its answer.
func dripping(w http.ResponseWriter, r *http.Request) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for _, c := range []byte(goodAnswer) {
		_, _ = w.Write([]byte{c})
		_ = http.NewResponseController(w).Flush()
		select {
		case <-second.C:
		case <-r.Context().Done():
			return
		}
	}
}

// wires are answers that no HTTP server gives.
func wires() map[string]hostility {
	bad := func(handle func(net.Conn), text string) hostility {
		return hostility{wired(handle), http.StatusBadGateway, text, ""}
	}
	late := func(handle func(net.Conn), stage string) hostility {
		return hostility{wired(handle), http.StatusGatewayTimeout, "IMS at HOST gave no answer within 1s, stage " + stage, ""}
	}
	return map[string]hostility{
		"headers never come":               late(silence, "waiting for the answer"),
		"headers never end":                late(stalling(head+"X-Canary: canary\r\n"), "reading the answer"),
		"headers are 10 MiB":               bad(writing(head+strings.Repeat("X-Canary: canary\r\n", 10<<20/18)), noHTTP),
		"headers are endless":              bad(endless(head+"X-Canary: ", "canary"), noHTTP),
		"early hints are endless":          bad(endless("", "HTTP/1.1 103 Early Hints\r\nLink: canary\r\n\r\n"), noHTTP),
		"a header has no colon":            bad(writing(head+"canary\r\n\r\n"), noHTTP),
		"the lengths contradict":           bad(writing(head+"Content-Length: 3\r\nContent-Length: 4\r\n\r\ncanary"), noHTTP),
		"the length is negative":           bad(writing(head+"Content-Length: -1\r\n\r\ncanary"), noHTTP),
		"the status is no number":          bad(writing("HTTP/1.1 canary\r\n\r\n"), noHTTP),
		"it speaks another protocol":       bad(writing("SSH-2.0-canary\r\n"), noHTTP),
		"it hangs up without a word":       bad(func(net.Conn) {}, broken),
		"it resets before the answer":      bad(resetting(""), broken),
		"it resets within the headers":     bad(resetting(head+"X-Canary: canary\r\n"), broken),
		"it resets within the body":        bad(resetting(head+"Content-Length: 100\r\n\r\n{\"canary\""), broken),
		"the body is shorter than said":    bad(writing(head+"Content-Length: 100\r\n\r\n"+goodAnswer), broken),
		"the body stops in the middle":     late(stalling(head+"Content-Length: 100\r\n\r\n{\"canary\""), "reading the answer"),
		"the body is endless":              bad(endless(head+"\r\n", strings.Repeat(" ", 1<<16)), tooLarge),
		"the body is chunked without end":  late(stalling(chunked+"5\r\n{\"can\r\n"), "reading the answer"),
		"the chunks are endless":           bad(endless(chunked, "10000\r\n"+strings.Repeat(" ", 1<<16)+"\r\n"), tooLarge),
		"the chunks stop without an end":   bad(writing(chunked+"5\r\n{\"can\r\n"), broken),
		"a chunk's length is no number":    bad(writing(chunked+"canary\r\n"), noHTTP),
		"a chunk's length is beyond count": bad(writing(chunked+strings.Repeat("f", 99)+"\r\n"), noHTTP),
		"a chunk's extension is endless":   bad(endless(chunked+"5;", "canary"), noHTTP),
		"the trailer is endless":           bad(endless(chunked+"0\r\nX-Canary: ", "canary"), noHTTP),
	}
}

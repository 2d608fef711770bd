package itwin

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// refusing is an IMS that refuses with these words.
func refusing(status int, code, description string) func(*testing.T) endpoint {
	return answering(refusal(status, code, description))
}

func refusal(status int, code, description string) http.HandlerFunc {
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": description}) //nolint:errchkjson // strings
	return saying(status, string(body))
}

func refusals() map[string]hostility {
	cases := map[string]hostility{
		"the error is unknown": {
			refusing(400, "none_of_yours", ""), http.StatusBadRequest, "none_of_yours", "",
		},
		"the error is 100 KiB": {
			refusing(400, strings.Repeat("x", 100<<10), "y"), http.StatusBadRequest, strings.Repeat("x", 199) + "…: y", "",
		},
		"the description is 100 KiB": {
			refusing(401, "invalid_client", strings.Repeat("ü", 50<<10)), http.StatusBadRequest, strings.Repeat("ü", 199) + "…", "",
		},
		"the description moves the cursor": {
			refusing(400, "invalid_client", "a\x1b[2J\x1b]0;title\x07b\u009b31mc\r\nd\u202ee\u2028f"),
			http.StatusBadRequest, "invalid_client: a[2J]0;titleb31mcdef", "",
		},
		"the description isn't UTF-8": {
			answering(saying(400, "{\"error\":\"invalid_client\",\"error_description\":\"a\xff\xfeb\"}")),
			http.StatusBadRequest, "invalid_client: ab", "",
		},
		"the error is hidden characters alone": {
			refusing(400, "\u200b\u202e", "canary"), http.StatusBadGateway, "status 400, stage HTTP status: " + neither, "",
		},
		"the error is an object": {
			answering(saying(400, `{"error":{"code":"canary"}}`)), http.StatusBadGateway, "status 400, stage HTTP status: " + neither, "",
		},
		"the description is a number": {
			answering(saying(400, `{"error":"canary","error_description":7}`)),
			http.StatusBadGateway, "status 400, stage HTTP status: " + neither, "",
		},
	}
	for _, status := range []int{400, 401, 403, 404, 418} {
		cases[fmt.Sprintf("it refuses with %d", status)] = hostility{
			refusing(status, "invalid_client", "Invalid client."), http.StatusBadRequest,
			fmt.Sprintf("IMS refuses the exchange with status %d: invalid_client: Invalid client. (correlation id ", status), "",
		}
	}
	maps.Copy(cases, echoes())
	return cases
}

// echoes repeat the secret.
func echoes() map[string]hostility {
	echo := func(forms ...string) hostility {
		return hostility{
			refusing(400, "invalid_client", strings.Join(forms, " and ")), http.StatusBadRequest,
			strings.Join(slicesOf("[redacted]", len(forms)), " and "), "",
		}
	}
	escaped := url.QueryEscape(canarySecret)
	return map[string]hostility{
		"it echoes the secret":                echo(canarySecret, canarySecret),
		"it echoes the secret encoded":        echo(escaped, url.PathEscape(canarySecret), strings.ToLower(escaped)),
		"it echoes the secret with a NUL":     echo(canarySecret[:9] + "\x00" + canarySecret[9:]),
		"it echoes the secret at the limit":   {refusing(400, strings.Repeat("x", 195)+canarySecret, ""), http.StatusBadRequest, "x[red…", ""},
		"it echoes the request":               {answering(echoing), http.StatusBadRequest, "client_secret=[redacted]", ""},
		"it echoes the secret in the error":   {refusing(400, canarySecret, ""), http.StatusBadRequest, "status 400: [redacted]", ""},
		"it echoes the secret in a 200":       {refusing(200, canarySecret, escaped), 502, "status 200 with an OAuth error", ""},
		"it echoes the secret in its headers": {answering(headed(map[string]string{"X": canarySecret}, saying(502, ""))), 502, "status 502", ""},
		"it echoes the secret in the redirect": {
			answering(headed(map[string]string{"Location": canarySecret}, saying(302, ""))), 502, "status 302", "",
		},
	}
}

func slicesOf(text string, n int) []string {
	return strings.Fields(strings.Repeat(text+" ", n))
}

// echoing describes the error with the whole request.
func echoing(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	refusal(http.StatusUnauthorized, "invalid_request", string(body))(w, r)
}

// retryAfters state when to come back; noon and 31 minutes is when they are asked.
func retryAfters() map[string]hostility {
	const date = "Mon, 23 Nov 2026 10:00:00 GMT"
	limited := func(value, wait, due string) hostility {
		return hostility{
			answering(headed(map[string]string{"Retry-After": value, "Date": date}, saying(http.StatusTooManyRequests, "canary"))),
			http.StatusTooManyRequests, "IMS limits the rate of exchanges with status 429: " + wait, "next attempt at 2026-11-23T" + due,
		}
	}
	const silent = "it does not say for how long"
	cases := map[string]hostility{
		"it limits the rate in seconds":          limited("120", "it asks to wait 2m0s", "12:33:00Z"),
		"it limits the rate by a date":           limited("Mon, 23 Nov 2026 10:03:00 GMT", "it asks to wait 3m0s", "12:34:00Z"),
		"it limits the rate by a date gone by":   limited("Mon, 23 Nov 2026 09:00:00 GMT", silent, "12:31:01Z"),
		"it limits the rate by a far date":       limited("Fri, 31 Dec 9999 23:59:59 GMT", "it asks to wait 5m0s", "12:36:00Z"),
		"it limits the rate by a day":            limited("86400", "it asks to wait 5m0s", "12:36:00Z"),
		"it limits the rate beyond count":        limited(strings.Repeat("9", 99), "it asks to wait 5m0s", "12:36:00Z"),
		"it limits the rate by less than none":   limited("-1", silent, "12:31:01Z"),
		"it limits the rate by a fraction":       limited("1.5", silent, "12:31:01Z"),
		"it limits the rate by a word":           limited("canary", silent, "12:31:01Z"),
		"it limits the rate and says no more":    limited("", silent, "12:31:01Z"),
		"it limits the rate with an OAuth error": {answering(refusal(429, "canary", "")), http.StatusTooManyRequests, silent, ""},
	}
	cases["it is busy and says for how long"] = hostility{
		answering(headed(map[string]string{"Retry-After": "60"}, saying(http.StatusServiceUnavailable, ""))),
		http.StatusBadGateway, "status 503", "next attempt at 2026-11-23T12:32:00Z",
	}
	cases["it refuses and says for how long"] = hostility{
		answering(headed(map[string]string{"Retry-After": "60"}, refusal(http.StatusUnauthorized, "invalid_client", ""))),
		http.StatusBadRequest, "invalid_client", "next attempt at 2026-11-23T12:32:00Z",
	}
	return cases
}

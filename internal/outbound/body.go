package outbound

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

// MaxBody is how much of an answer is read, in bytes, and how much it may unpack to.
const MaxBody = 1 << 20

// readBody reads and unpacks a body. Its error is the network's; what is wrong with
// the body itself is damage.
func readBody(response *http.Response) (body []byte, damage *Error, err error) {
	body, err = io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	switch {
	case len(body) > MaxBody:
		return nil, &Error{Stage: StageRead, Detail: "the answer is larger than 1 MiB"}, nil
	case err != nil:
		return nil, nil, err
	}
	codings := strings.FieldsFunc(strings.ToLower(strings.Join(response.Header.Values("Content-Encoding"), ",")), isListSeparator)
	slices.Reverse(codings) // they are listed in the order in which they were applied
	for _, coding := range codings {
		if isPlain(body) {
			break
		}
		if body, damage = unpack(body, coding); damage != nil {
			return nil, damage, nil
		}
	}
	return withoutMark(body), nil, nil
}

func withoutMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\ufeff")) }

// isPlain recognizes what isn't packed whatever the header says: some servers put a
// charset there, and some proxies unpack the body but leave the header.
func isPlain(body []byte) bool { return json.Valid(withoutMark(body)) }

func isListSeparator(r rune) bool { return r == ',' || r == ' ' || r == '\t' }

// unpack undoes one content coding (RFC 9110 section 8.4.1).
func unpack(packed []byte, coding string) ([]byte, *Error) {
	if coding == "identity" || len(packed) == 0 {
		return packed, nil
	}
	var unpacker io.Reader
	var err error
	switch coding {
	case "gzip", "x-gzip":
		unpacker, err = gzip.NewReader(bytes.NewReader(packed))
	case "deflate":
		// RFC 9110 means zlib, but some servers send bare deflate.
		if unpacker, err = zlib.NewReader(bytes.NewReader(packed)); err != nil {
			unpacker, err = flate.NewReader(bytes.NewReader(packed)), nil
		}
	case "br", "zstd", "compress", "x-compress":
		return nil, &Error{Stage: StageDecode, Detail: "the answer is compressed with " + coding + ", although no compression was requested"}
	default: // a name from upstream, which isn't repeated
		return nil, &Error{Stage: StageDecode, Detail: "the answer has an unknown Content-Encoding, though it was asked for none"}
	}
	var body []byte
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(unpacker, MaxBody+1))
	}
	switch {
	case len(body) > MaxBody:
		return nil, &Error{Stage: StageRead, Detail: "the answer is larger than 1 MiB when unpacked"}
	case err != nil:
		return nil, &Error{Stage: StageDecode, Detail: "the answer can't be unpacked as " + coding}
	}
	return body, nil
}

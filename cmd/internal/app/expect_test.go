package app

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// say sends bytes to a server as they are, and reads one answer.
func say(t *testing.T, server *Server, text string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(15 * time.Second)); err != nil { // less than the grace of a body
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no answer to %.60q: %v", text, err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// TestARefusalDoesNotWaitForTheBody_L2: a client that asks whether it may send
// its body (RFC 9110, section 10.1.1) is told no at once.
func TestARefusalDoesNotWaitForTheBody_L2(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		request string
		want    int
	}{
		"a repository that none can be":    {"POST /v2/ACME/x/blobs/uploads/", http.StatusBadRequest},
		"an upload that is not there":      {"PATCH /v2/acme/x/blobs/uploads/nope", http.StatusNotFound},
		"a manifest at a tag that is none": {"PUT /v2/acme/x/manifests/..bad", http.StatusBadRequest},
		"a call that is not there":         {"POST /api/v1/nothing", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := start(t, configured(t))
			resp := say(t, server, row.request+" HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
			if resp.StatusCode != row.want {
				t.Errorf("%s: %s, want %d", row.request, resp.Status, row.want)
			}
		})
	}
}

// TestMalformedChunksAreTheSendersFault_L2: 400, wherever they come.
func TestMalformedChunksAreTheSendersFault_L2(t *testing.T) {
	t.Parallel()
	for _, request := range []string{
		"POST /api/v1/resolve", "PUT /v2/acme/x/manifests/1.0.0", "POST /v2/acme/x/blobs/uploads/?digest=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			server, _ := start(t, configured(t))
			resp := say(t, server, request+" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n")
			if resp.StatusCode != http.StatusBadRequest {
				body, _ := io.ReadAll(resp.Body)
				t.Errorf("%s: %s %s, want 400", request, resp.Status, body)
			}
		})
	}
}

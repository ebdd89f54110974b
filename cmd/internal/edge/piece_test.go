package edge

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// noting is a connection that notes what is written.
type noting struct {
	net.Conn
	writes []string
}

func (c *noting) Write(b []byte) (int, error) {
	c.writes = append(c.writes, string(b))
	return len(b), nil
}

func TestHeadWaitsForItsBody(t *testing.T) {
	t.Parallel()
	under := &noting{}
	c := &counted{Conn: under}
	c.hold()
	if n, err := c.Write([]byte("head")); n != 4 || err != nil || len(under.writes) != 0 {
		t.Fatalf("%d, %v; %q was sent before the body came", n, err, under.writes)
	}
	if n, err := c.ReadFrom(&piece{[]byte("body")}); n != 4 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if got := strings.Join(under.writes, "|"); got != "head|body" { // a socket gathers the two into one call
		t.Errorf("sent %q", got)
	}
	if err := c.release(); err != nil || len(under.writes) != 2 {
		t.Errorf("released %q, %v: it was sent before", under.writes, err)
	}
	c.hold()
	_, _ = c.Write([]byte("alone"))
	if err := c.release(); err != nil || under.writes[2] != "alone" {
		t.Errorf("a head without a body: %q, %v", under.writes, err)
	}
	if _, err := c.Write([]byte("next")); err != nil || under.writes[3] != "next" {
		t.Errorf("after it: %q, %v", under.writes, err)
	}
}

func TestAnswerInOnePiece(t *testing.T) {
	t.Parallel()
	answer := func(n int, says bool, parts int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			body := bytes.Repeat([]byte("oar"), n)[:n]
			if says {
				w.Header().Set("Content-Length", strconv.Itoa(n))
			}
			for i := range parts {
				_, _ = w.Write(body[i*n/parts : (i+1)*n/parts])
			}
		}
	}
	mux := http.NewServeMux()
	for _, n := range []int{0, 1, 511, 512, 2047, 2048, 4096, 20_000, 256 << 10, 300_000} {
		mux.Handle(fmt.Sprintf("GET /whole/%d", n), answer(n, true, 1))
		mux.Handle(fmt.Sprintf("GET /parts/%d", n), answer(n, true, 3))
		mux.Handle(fmt.Sprintf("GET /chunked/%d", n), answer(n, false, 1))
	}
	server := httptest.NewUnstartedServer(OnePiece(mux))
	server.Listener = LimitConnections(server.Listener, Crowd{All: 4})
	server.Config.ConnContext = Connection
	server.Start()
	t.Cleanup(server.Close)
	// All over one connection, so that what one answer left would spoil the next.
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	for range 2 {
		for _, how := range []string{"whole", "parts", "chunked"} {
			for _, n := range []int{20_000, 0, 2048, 1, 300_000, 511, 4096, 256 << 10, 512, 2047} {
				for _, method := range []string{"GET", "HEAD"} {
					r, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("%s/%s/%d", server.URL, how, n), nil)
					if err != nil {
						t.Fatal(err)
					}
					resp, err := client.Do(r)
					if err != nil {
						t.Fatalf("%s %s: %v", method, r.URL, err)
					}
					got, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					want := bytes.Repeat([]byte("oar"), n)[:n]
					if method == "HEAD" {
						want = nil
					}
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%s %s: %d bytes, %v, want %d", method, r.URL, len(got), err, len(want))
					}
				}
			}
		}
	}
}

package notify_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/index/notify"
)

// Proves K2: who adds a webhook learns nothing of the network that the server is in:
// neither what a name leads to there, nor whether it leads anywhere, nor who was asked.
func TestWhatNamesLeadToIsNotTold_K2(t *testing.T) {
	t.Parallel()
	names := newNameServer(t)
	x := callingBy(t, outbound.Options{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Resolver: names.resolver(), Timeout: 5 * time.Second,
	})
	said := map[string]bool{}
	for i, to := range [][]string{{"10.1.2.3"}, {"127.0.0.2"}, {"169.254.169.254"}, {}} {
		id := fmt.Sprintf("wh_%d", i)
		names.leadTo(to...)
		x.hook(id, "http://inside.example.org.:80/")
		x.tell(x.published(id, "acme/hello"))
		reason := x.last(id).Reason
		for _, secret := range append([]string{"inside", "lookup", "127.0.0", "dial", ":53"}, to...) {
			if strings.Contains(reason, secret) {
				t.Errorf("it leads to %s: told %q", to, reason)
			}
		}
		said[reason] = true
	}
	if len(said) != 1 {
		t.Errorf("what a name leads to makes a difference: %v", said)
	}
}

// Proves K2: of a connection that fails its owner is told how, and no address.
func TestABrokenConnectionIsToldWithoutAddresses_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cut := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	})
	x.hook("wh_closed", "http://"+closed.Addr().String())
	x.hook("wh_cut", cut.URL)
	x.tell(x.published("e1", "acme/hello"))
	for id, want := range map[string]string{"wh_closed": "no connection: connection refused", "wh_cut": "the connection broke: connection reset by peer"} {
		if got := x.last(id).Reason; got != want {
			t.Errorf("%s: told %q, expected %q", id, got, want)
		}
	}
}

// Proves K2: an endpoint that closed a connection which was kept is not taken for one
// that fails, and left alone: it is called by another connection at once.
func TestAConnectionThatWasClosedMeanwhileIsNoFailure_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	sent := make(chan http.Header, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerOnce(c, sent)
		}
	}()
	x.hook("wh_1", "http://"+l.Addr().String())
	for _, id := range []string{"e1", "e2", "e3"} {
		x.tell(x.published(id, "acme/hello"))
		if d := x.last("wh_1"); d.State != notify.Delivered || d.Attempts != 1 {
			t.Errorf("%s: %+v", id, d)
		}
	}
	if h := <-sent; len(h["Idempotency-Key"]) > 0 {
		t.Errorf("a header that nobody asked for is sent: %v", h)
	}
}

// answerOnce answers the first request of a connection, and closes it at the second.
func answerOnce(c net.Conn, sent chan<- http.Header) {
	defer c.Close()
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	_, _ = in.Discard(int(r.ContentLength))
	sent <- r.Header
	_, _ = fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	_, _ = http.ReadRequest(in)
}

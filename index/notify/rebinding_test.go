package notify_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/index/notify"
)

// A nameServer answers every question for an address with those that it leads to
// now, which may be kept for no time (RFC 1035, section 4.1).
type nameServer struct {
	net.PacketConn
	mu sync.Mutex
	to []netip.Addr
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n, ended := &nameServer{PacketConn: conn}, make(chan struct{})
	go func() {
		defer close(ended)
		n.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return n
}

func (n *nameServer) leadTo(to ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to = nil
	for _, one := range to {
		n.to = append(n.to, netip.MustParseAddr(one))
	}
}

func (n *nameServer) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if answer := n.answer(buf[:size]); err == nil && answer != nil {
			_, _ = n.WriteTo(answer, from)
		}
	}
}

func (n *nameServer) answer(q []byte) []byte {
	const header, typeA = 12, 1
	end := header
	for end < len(q) && q[end] != 0 { // the labels of the name
		end += 1 + int(q[end])
	}
	end += 5
	if end > len(q) {
		return nil
	}
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[header:end]...)
	if binary.BigEndian.Uint16(q[end-4:]) != typeA {
		return out
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	binary.BigEndian.PutUint16(out[6:], uint16(len(n.to)))
	for _, one := range n.to {
		out = append(out, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, one.AsSlice()...)
	}
	return out
}

// resolver asks n and nobody else.
func (n *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.LocalAddr().String())
	}}
}

// listenAt serves at an address, and counts who came.
func listenAt(t *testing.T, address string) (port string, came *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	came = new(atomic.Int64)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		came.Add(1)
		w.Header().Set("Connection", "close") // so that the next call asks for the name again
	})}}
	s.Start()
	t.Cleanup(s.Close)
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, came
}

// Proves K2: a name that led to where calls may go when the webhook was added, and
// to a private address afterwards (DNS rebinding), is not called there: what counts
// is the address that is dialed. 127.0.0.1 stands for the public Internet.
func TestANameThatComesToLeadElsewhereIsNotCalled_K2(t *testing.T) {
	t.Parallel()
	port, allowed := listenAt(t, "127.0.0.1:0")
	_, private := listenAt(t, "127.0.0.2:"+port)
	names := newNameServer(t)
	x := callingBy(t, outbound.Options{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Resolver: names.resolver(), Timeout: 5 * time.Second,
	})
	names.leadTo("127.0.0.1")
	x.hook("wh_1", "http://hooks.example.org.:"+port+"/")
	x.tell(x.published("e1", "acme/hello"))
	if d := x.last("wh_1"); d.State != notify.Delivered || allowed.Load() != 1 {
		t.Fatalf("before: %d calls, %+v", allowed.Load(), d)
	}
	for name, to := range map[string][]string{
		"another": {"127.0.0.2"}, "the metadata service": {"169.254.169.254"}, "several": {"127.0.0.2", "10.0.0.1"},
	} {
		names.leadTo(to...)
		x.hand.Advance(notify.LongestPause)
		x.tell(x.published("e-"+name, "acme/hello"))
		if d := x.last("wh_1"); private.Load() != 0 || allowed.Load() != 1 || d.State != notify.Waiting || !strings.Contains(d.Reason, "not on the public Internet") {
			t.Errorf("it leads to %s: %d calls there, %+v", name, private.Load(), d)
		}
	}
	names.leadTo("127.0.0.2", "127.0.0.1") // one of which may be called
	x.hand.Advance(notify.LongestPause)
	x.drain()
	if private.Load() != 0 || allowed.Load() < 2 {
		t.Errorf("among two addresses: %d calls of the private one, %d of the other", private.Load(), allowed.Load())
	}
}

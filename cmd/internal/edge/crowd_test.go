package edge

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestAFurtherConnectionWaitsForOneToEnd(t *testing.T) {
	t.Parallel()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := LimitConnections(plain, Crowd{All: 1})
	accepted := make(chan net.Conn)
	refused := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				refused <- err
				return
			}
			accepted <- c
		}
	}()
	dial(t, plain.Addr().String(), "")
	dial(t, plain.Addr().String(), "")
	first := <-accepted
	select {
	case <-accepted:
		t.Fatal("two at once")
	default:
	}
	first.Close()
	first.Close() // gives its place back once
	second := <-accepted
	dial(t, plain.Addr().String(), "")
	select {
	case <-accepted:
		t.Fatal("two at once")
	default:
	}
	l.Close() // while Accept waits for room
	if err := <-refused; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	second.Close()
}

func TestAFurtherRequestIsRefused(t *testing.T) {
	t.Parallel()
	inside, leave := make(chan bool), make(chan bool)
	server := httptest.NewServer(NewRoom(1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }).Limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		inside <- true
		<-leave
	})))
	t.Cleanup(server.Close)
	answers := make(chan int, 2)
	get := func() {
		resp, err := web.Get(server.URL)
		if err != nil {
			t.Error(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		answers <- resp.StatusCode
	}
	go get()
	<-inside
	get()
	if got := <-answers; got != http.StatusServiceUnavailable {
		t.Errorf("the second is answered %d", got)
	}
	leave <- true
	if got := <-answers; got != http.StatusOK {
		t.Errorf("the first is answered %d", got)
	}
}

// TestCountedConnectionLeavesCopyingToTheKernel: a server finds the shortcut
// for files on the connection that it was given.
func TestCountedConnectionLeavesCopyingToTheKernel(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bounded := LimitConnections(l, Crowd{All: 2})
	defer bounded.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := bounded.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	from, ok := c.(io.ReaderFrom)
	if !ok {
		t.Fatal("the connection hides ReadFrom, so that every file passes through memory")
	}
	if n, err := from.ReadFrom(strings.NewReader("bytes")); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(client, got); err != nil || string(got) != "bytes" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestOneAddressDoesNotKeepOthersOut: an address that used up its share is
// closed, others are served, and a proxy has no share (A8).
func TestOneAddressDoesNotKeepOthersOut(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies([]string{"127.0.0.3"})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := LimitConnections(plain, Crowd{All: 100, PerAddress: 2, Proxies: proxies})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	from := func(address string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		c, err := d.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Skipf("this system has one address of its own only: %v", err)
		}
		t.Cleanup(func() { c.Close() })
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err = c.Read(make([]byte, 8))
		return c, err
	}
	var held []net.Conn
	for i := range 4 {
		c, err := from("127.0.0.1")
		if served := err == nil; served != (i < 2) {
			t.Errorf("connection %d of one address: served %v", i+1, served)
		}
		held = append(held, c)
	}
	for range 4 {
		if _, err := from("127.0.0.3"); err != nil {
			t.Errorf("a proxy was given a share: %v", err)
		}
	}
	if _, err := from("127.0.0.2"); err != nil {
		t.Errorf("another address was kept out: %v", err)
	}
	held[0].Close()
	for {
		if _, err := from("127.0.0.1"); err == nil {
			break // the server has seen that one ended
		}
	}
}

// TestNetworkOfAnAddress: one sender has all addresses of 64 bits with IPv6.
func TestNetworkOfAnAddress(t *testing.T) {
	t.Parallel()
	for a, b := range map[string]string{"2001:db8::1": "2001:db8::ffff:2", "192.0.2.1": "192.0.2.1", "fe80::1%eth0": "fe80::2"} {
		if x, y := network(netip.MustParseAddr(a)), network(netip.MustParseAddr(b)); x != y || !x.IsValid() {
			t.Errorf("%s is in %s, %s in %s", a, x, b, y)
		}
	}
	if network(netip.MustParseAddr("192.0.2.1")) == network(netip.MustParseAddr("192.0.2.2")) {
		t.Error("two addresses share one share")
	}
}

package edge

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAFurtherConnectionWaitsForOneToEnd(t *testing.T) {
	t.Parallel()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := LimitConnections(plain, 1)
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
	server := httptest.NewServer(LimitRequests(1, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		inside <- true
		<-leave
	}), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(server.Close)
	answers := make(chan int, 2)
	get := func() {
		resp, err := http.Get(server.URL)
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
	bounded := LimitConnections(l, 2)
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

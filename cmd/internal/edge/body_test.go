package edge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// bodies is a server that reads bodies at a pace and says what it read.
func bodies(t *testing.T, b Bodies, read chan<- error) string {
	t.Helper()
	server := httptest.NewServer(b.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unread" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		if read != nil {
			read <- err
		}
		fmt.Fprint(w, n)
	})))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func dial(t *testing.T, address, head string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, head); err != nil {
		t.Fatal(err)
	}
	return c
}

// ended waits until the server hangs up.
func ended(c net.Conn) error {
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the server held on: %w", err)
	}
	return nil
}

func TestABodyThatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	address := bodies(t, Bodies{Grace: 80 * time.Millisecond, Rate: 1 << 20}, read)
	c := dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	if err := ended(c); err != nil {
		t.Error(err)
	}
}

func TestABodyThatNobodyReadsIsGivenUp(t *testing.T) {
	t.Parallel()
	address := bodies(t, Bodies{Grace: 80 * time.Millisecond, Rate: 1 << 20}, nil)
	c := dial(t, address, "POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc")
	if err := ended(c); err != nil {
		t.Error(err)
	}
}

// One byte at a time, each before an idle connection would end: the pace is
// that of the whole.
func TestABodyThatDripsIsGivenUp(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	address := bodies(t, Bodies{Grace: 100 * time.Millisecond, Rate: 1 << 20}, read)
	c := dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
	drip := time.NewTicker(5 * time.Millisecond)
	defer drip.Stop()
	for {
		select {
		case err := <-read:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read: %v", err)
			}
			return
		case <-drip.C:
			if _, err := io.WriteString(c, "x"); err != nil {
				drip.Stop()
			}
		}
	}
}

// A body that moves may take far longer than the grace.
func TestASlowBodyThatMovesArrives(t *testing.T) {
	t.Parallel()
	const grace, pieces = 300 * time.Millisecond, 60
	address := bodies(t, Bodies{Grace: grace, Rate: 1000}, nil)
	begin := time.Now()
	c := dial(t, address, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", pieces*200))
	drip := time.NewTicker(20 * time.Millisecond)
	defer drip.Stop()
	for range pieces {
		<-drip.C
		if _, err := io.WriteString(c, strings.Repeat("x", 200)); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); string(text) != fmt.Sprint(pieces*200) || time.Since(begin) < 2*grace {
		t.Errorf("%s %q after %s", resp.Status, text, time.Since(begin))
	}
}

// After the last byte the handler takes as long as it likes, and the
// connection is good for more.
func TestADeadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	const grace = 60 * time.Millisecond
	read := make(chan error, 2)
	cut := make(chan bool, 1)
	server := httptest.NewServer(Bodies{Grace: grace}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
		after := time.NewTimer(4 * grace)
		defer after.Stop()
		select {
		case <-after.C:
			cut <- false
		case <-r.Context().Done():
			cut <- true
		}
	})))
	t.Cleanup(server.Close)
	for range 2 {
		resp, err := web.Post(server.URL, "text/plain", strings.NewReader("all of it"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err := <-read; err != nil || <-cut {
			t.Errorf("read: %v; the request was cut", err)
		}
	}
}

func TestAReaderThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	wrote := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const size = 64 << 20
		defer Bodies{Grace: 100 * time.Millisecond, Rate: 1 << 30}.Answer(w, size)()
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, err := io.CopyN(w, zeros{}, size)
		wrote <- err
	}))
	t.Cleanup(server.Close)
	dial(t, server.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

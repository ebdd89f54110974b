package store

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"
)

// A hole passes connections on to a server. Those that were made before it is
// shut stay open, and nothing passes any more.
type hole struct {
	t  *testing.T
	to string
	l  net.Listener

	mu    sync.Mutex
	gates []chan struct{} // closed ones let nothing pass
}

// throughHole is a url through which the server of another is reached.
func throughHole(t *testing.T, server string) (*hole, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	h := &hole{t: t, to: u.Host, l: l}
	go h.accept()
	u.Host = l.Addr().String()
	return h, u.String()
}

func (h *hole) accept() {
	for {
		in, err := h.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", h.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		gate := make(chan struct{})
		h.mu.Lock()
		h.gates = append(h.gates, gate)
		h.mu.Unlock()
		h.t.Cleanup(func() { _, _ = in.Close(), out.Close() })
		go pass(gate, in, out)
		go pass(gate, out, in)
	}
}

func pass(gate <-chan struct{}, from, to net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		select {
		case <-gate:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if _, e := to.Write(b[:n]); err != nil || e != nil {
			_, _ = from.Close(), to.Close()
			return
		}
	}
}

// shut lets nothing pass over the connections that there are.
func (h *hole) shut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, gate := range h.gates {
		close(gate)
	}
	h.gates = nil
}

// TestADeadConnectionQueuesNobody_K7: when nothing comes over the connection of
// the locks any more, who leaves waits no longer, and who stays gets his lock
// over another connection, all of them after one wait.
func TestADeadConnectionQueuesNobody_K7(t *testing.T) {
	t.Parallel()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	h, through := throughHole(t, newPostgres(t, server))
	l, err := OpenAdvisoryLocker(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	unlock, err := l.Lock(t.Context(), "tag/first", false)
	if err != nil {
		t.Fatal(err)
	}
	h.shut()
	began := time.Now()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			unlock, err := l.Lock(t.Context(), "tag/patient"+string(rune('a'+i)), false)
			if err != nil {
				t.Errorf("a lock over another connection: %v", err)
				return
			}
			unlock()
		})
	}
	leaving, leave := context.WithCancel(t.Context())
	var left sync.WaitGroup
	for i := range 8 {
		left.Go(func() {
			if _, err := l.Lock(leaving, "tag/leaving"+string(rune('a'+i)), false); err == nil {
				t.Error("a lock for who left")
			}
		})
	}
	leave()
	left.Wait()
	all.Wait()
	if took := time.Since(began); took > 3*sessionAnswer {
		t.Errorf("all had their locks after %s", took)
	}
	if err := l.Held(t.Context(), "tag/first"); err == nil {
		t.Error("a lock of the dead connection is said to be held")
	}
	unlock()
}

// TestAQueryOverADeadConnectionEnds_K7: a question without a deadline of its own
// fails when PostgreSQL says nothing, and the next one is answered.
func TestAQueryOverADeadConnectionEnds_K7(t *testing.T) {
	t.Parallel()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	h, through := throughHole(t, newPostgres(t, server))
	s := open(t, through)
	if got := time.Duration(s.silent.Load()); got != silentFor {
		t.Errorf("silence is trusted for %s", got)
	}
	s.silent.Store(int64(300 * time.Millisecond))
	s.write.SetMaxOpenConns(1)
	err := s.InTx(t.Context(), func(ctx context.Context) error {
		h.shut()
		_, err := s.NamespaceNames(ctx)
		return err
	})
	if err == nil {
		t.Error("an answer over a connection on which nothing passes")
	}
	if _, err := s.NamespaceNames(t.Context()); err != nil {
		t.Errorf("over the next connection: %v", err)
	}
}

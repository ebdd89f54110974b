//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; a wait ends as soon as its condition holds.
const patience = 20 * time.Second

var listening = regexp.MustCompile(`(?i)listening.*?(127\.0\.0\.1:[0-9]+)`)

// A server is one running oarlock with a data directory of its own.
type server struct {
	addr string // host:port, the registry part of a reference
	log  *log
	end  func() // stops it before the test ends
}

// log collects what a server writes to stderr.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.WriteString(line + "\n")
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// serve starts oarlock with the arguments given, waits until it is ready, and
// stops it with the test. A server that does not drain and exit 0 fails the test.
func serve(t *testing.T, args ...string) *server {
	t.Helper()
	cmd := exec.Command(binaries["oarlock"], append([]string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = environment(t)
	cmd.Dir = t.TempDir()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s, found, done := &server{log: &log{}}, make(chan string, 1), make(chan struct{})
	go s.follow(stderr, found, done)
	s.end = sync.OnceFunc(func() { s.stop(t, cmd, done) })
	t.Cleanup(s.end)
	select {
	case s.addr = <-found:
	case <-done:
		t.Fatalf("serve %q: ended before it listened:\n%s", args, s.log)
	case <-time.After(patience):
		t.Fatalf("serve %q: no line that says listening with the address:\n%s", args, s.log)
	}
	until(t, "the server is ready", func() error { return s.get("/readyz", nil) })
	return s
}

func (s *server) follow(stderr io.Reader, found chan<- string, done chan<- struct{}) {
	defer close(done)
	for scan, said := bufio.NewScanner(stderr), false; scan.Scan(); {
		s.log.add(scan.Text())
		if m := listening.FindStringSubmatch(scan.Text()); m != nil && !said {
			said = true
			found <- m[1]
		}
	}
}

func (s *server) stop(t *testing.T, cmd *exec.Cmd, done <-chan struct{}) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		t.Errorf("serve: still running %v after SIGTERM", patience)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve: SIGTERM should drain and exit 0: %v", err)
	}
	if t.Failed() {
		t.Logf("server log:\n%s", s.log)
	}
}

// ref names a tag or, with an "@", a digest on this server.
func (s *server) ref(rest string) string { return s.addr + "/" + rest }

// get reads a JSON answer into into, which may be nil.
func (s *server) get(path string, into any) error {
	resp, err := web.Get("http://" + s.addr + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, strings.TrimSpace(string(body)))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("GET %s: %w: %s", path, err, body)
	}
	return nil
}

// until polls holds and fails the test with its last error.
func until(t *testing.T, what string, holds func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v until %s: %v", patience, what, err)
		}
	}
}

//go:build e2e

package drill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait of a drill; a wait ends as soon as its condition holds.
const Patience = 3 * time.Minute

// Web sends what drills send. Go's own transport belongs to all: the end of any
// httptest.Server closes its idle connections.
var Web = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone(), Timeout: Patience}

// root is that of the repository, below which every drill is two folders down.
const root = "../../.."

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "oarlock-drill-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "oarlock")
	if out, err := exec.Command(filepath.Join(root, "scripts", "build"), path).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// Main runs the tests of a drill, and removes what they built.
func Main(m *testing.M) {
	code := m.Run()
	if path, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// A Server is the built program over a data directory of its own.
type Server struct {
	// Addr is host:port, the registry part of a reference.
	Addr string
	// Admin is the token that its first start printed, "" with --dev.
	Admin string

	dir    string
	config string
	cmd    *exec.Cmd
	log    *lines
}

// lines collect what a server writes to stderr.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.WriteString(line + "\n")
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

var (
	listening = regexp.MustCompile(`msg=listening.*?(127\.0\.0\.1:[0-9]+)`)
	bootstrap = regexp.MustCompile(`bootstrap admin token, shown this once: (\S+)`)
)

// Serve starts a server by a configuration, and ends it with the test. What
// nobody signed is listed there. TRUST in the configuration is that policy.
func Serve(t *testing.T, config string) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir()}
	trust := filepath.Join(s.dir, "trust.yaml")
	s.config = filepath.Join(s.dir, "oarlock.yaml")
	for path, text := range map[string]string{
		trust: "namespaces: {\"*\": {signature: optional}}\n", s.config: "trust: " + trust + "\n" + config,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { s.stop(t) })
	s.Start(t)
	return s
}

// Start starts it, or again after Kill, and waits until it is ready.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	listen := s.Addr
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	s.cmd = exec.Command(path, "serve", "--config", s.config, "--data", filepath.Join(s.dir, "data"), "--listen", listen)
	s.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OARLOCK_") })
	s.cmd.Env = append(s.cmd.Env, "OARLOCK_LIMITS_UNREADY=0s") // there is no load balancer
	s.log = &lines{}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan string, 1), make(chan struct{})
	go s.log.follow(stderr, found, ended)
	select {
	case s.Addr = <-found:
	case <-ended:
		t.Fatalf("the server ended before it listened:\n%s", s.log)
	case <-time.After(Patience):
		t.Fatalf("the server does not listen:\n%s", s.log)
	}
	Until(t, "the server is ready", func(ctx context.Context) error { return s.Try(ctx, "", "GET", "/readyz", nil, nil) })
	if m := bootstrap.FindStringSubmatch(s.log.String()); m != nil {
		s.Admin = m[1]
	}
}

func (l *lines) follow(from io.Reader, found chan<- string, ended chan<- struct{}) {
	defer close(ended)
	said := false
	for scan := bufio.NewScanner(from); scan.Scan(); {
		l.add(scan.Text())
		if m := listening.FindStringSubmatch(scan.Text()); m != nil && !said {
			said = true
			found <- m[1]
		}
	}
}

// Kill ends the server without a word, as kill -9 does.
func (s *Server) Kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // tells that it was killed
}

func (s *Server) stop(t *testing.T) {
	if s.cmd == nil || s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(Patience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("SIGTERM should drain and exit 0: %v", err)
	}
	if t.Failed() {
		t.Logf("server log:\n%s", s.log)
	}
}

// Ask sends JSON by a token, and reads the answer into T.
func Ask[T any](t *testing.T, s *Server, token, method, path string, body any) (v T) {
	t.Helper()
	if err := s.Try(t.Context(), token, method, path, body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Try is Ask with its error.
func (s *Server) Try(ctx context.Context, token, method, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addr+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := Web.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		return errors.Join(fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text), err)
	}
	if into == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, into)
}

// Until polls holds and fails the test with its last error.
func Until(t *testing.T, what string, holds func(context.Context) error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(Patience)
	for {
		err := holds(t.Context())
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v until %s: %v", Patience, what, err)
		}
	}
}

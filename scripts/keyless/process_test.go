//go:build keyless

package keyless

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; a wait ends as soon as its condition holds.
const patience = 30 * time.Second

// A process is one running authority or server.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer
	log  *log
	done chan struct{}
	once sync.Once
}

// log collects what a process says.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// run starts a process that ends with the test, at the latest.
func run(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{name: name, cmd: exec.Command(binaries[name], args...), log: &log{}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = t.TempDir(), environment(t)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // fulcio does not exit 0 when it is told to end
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s said:\n%.4000s", name, p.log)
		}
	})
	return p
}

// stop ends the process: by the end of its input, or as it is told to.
func (p *process) stop() {
	p.once.Do(func() {
		_ = p.in.Close()
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(patience):
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	})
}

// environment is the least that a tool needs, with a home of its own and no
// way out to the network.
func environment(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return []string{"HOME=" + home, "DOCKER_CONFIG=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "COSIGN_PASSWORD=", "OARLOCK_LIMITS_UNREADY=0s",
		"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1"}
}

// attempts is how often a process is started at other ports: between finding a
// free port and listening at it, another process may take it.
const attempts = 3

// serve starts a process at free ports and waits until it answers at the path.
func serve(t *testing.T, name, ready string, args func(ports []string) []string) (url string, p *process) {
	t.Helper()
	for try := 1; ; try++ {
		ports := free(t, 3)
		url = "http://127.0.0.1:" + ports[0]
		p = run(t, name, args(ports)...)
		err := p.answers(url + ready)
		if err == nil {
			return url, p
		}
		if p.stop(); try == attempts {
			t.Fatalf("%s: %v:\n%s", name, err, p.log)
		}
	}
}

func free(t *testing.T, n int) (ports []string) {
	t.Helper()
	var held []net.Listener
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	for _, l := range held {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return ports
}

var errEnded = errors.New("it ended")

func (p *process) answers(url string) error {
	return until(func() error {
		select {
		case <-p.done:
			return errEnded
		default:
		}
		_, err := get(url)
		return err
	})
}

// until polls holds and gives its last error.
func until(holds func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		err := holds()
		if err == nil || errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("not within %v: %w", patience, err)
		}
	}
}

func get(url string) ([]byte, error) {
	resp, err := web.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.300s", url, resp.Status, body)
	}
	return body, err
}

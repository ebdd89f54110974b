//go:build e2e

package replicas

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; a wait ends as soon as its condition holds.
const patience = 30 * time.Second

// A site is a prefix of the bucket and a database, for replicas to share.
type site struct{ storage, db string }

func newSite(t *testing.T, parameters ...string) site {
	t.Helper()
	name := "oarlock_" + strings.ToLower(rand.Text())
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if out, err := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--dbname", server, "--command", "CREATE DATABASE "+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	own, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	own.Path = "/" + name
	q := url.Values{"region": {"us-east-1"}, "endpoint": {os.Getenv("OARLOCK_TEST_S3")}}
	for _, p := range parameters {
		q.Set(p, "true")
	}
	return site{storage: "s3://oarlock/" + name + "?" + q.Encode(), db: own.String()}
}

// A replica is one running server.
type replica struct {
	addr  string
	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

var listening = regexp.MustCompile(`msg=listening.*?(127\.0\.0\.1:[0-9]+)`)

// start runs a replica of the site that the test's end stops. Without
// arguments it needs no login.
func (s site) start(t *testing.T, args ...string) *replica {
	t.Helper()
	if len(args) == 0 {
		args = []string{"--dev"}
	}
	r := &replica{ended: make(chan struct{})}
	r.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), oarlock,
		append([]string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--storage", s.storage, "--db", s.db}, args...)...)
	r.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OARLOCK_") })
	r.cmd.Env = append(r.cmd.Env, "OARLOCK_LIMITS_UNREADY=0s") // there is no load balancer
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		defer close(r.ended)
		for scan := bufio.NewScanner(stderr); scan.Scan(); {
			r.note(scan.Text())
			if m := listening.FindStringSubmatch(scan.Text()); m != nil {
				found <- m[1]
			}
		}
	}()
	t.Cleanup(func() { r.stop(t) })
	select {
	case r.addr = <-found:
	case <-r.ended:
		t.Fatalf("the replica ended before it listened:\n%s", r.said())
	case <-time.After(patience):
		t.Fatalf("the replica does not listen:\n%s", r.said())
	}
	until(t, patience, "the replica is ready", func() error { return r.json("/readyz", nil) })
	return r
}

func (r *replica) note(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.WriteString(line + "\n")
}

func (r *replica) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// kill ends the replica without a word.
func (r *replica) kill(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	_ = r.cmd.Wait() // tells that it was killed
}

func (r *replica) stop(t *testing.T) {
	if secret := os.Getenv("AWS_SECRET_ACCESS_KEY"); secret != "" && strings.Contains(r.said(), secret) {
		t.Error("the log tells the secret of the bucket")
	}
	if r.cmd.ProcessState == nil {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-r.ended:
		case <-time.After(patience):
			_ = r.cmd.Process.Kill()
			t.Errorf("still running %v after SIGTERM", patience)
		}
		if err := r.cmd.Wait(); err != nil {
			t.Errorf("SIGTERM should drain and exit 0: %v", err)
		}
	}
	if t.Failed() {
		t.Logf("log of %s:\n%s", r.addr, r.said())
	}
}

// until polls holds and fails the test with its last error.
func until(t *testing.T, within time.Duration, what string, holds func() error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(within)
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v until %s: %v", within, what, err)
		}
	}
}

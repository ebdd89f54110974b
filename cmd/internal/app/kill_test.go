package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

// childEnv makes the test binary a server over the directory that it names; with
// childTrust, which names a trust policy, one that asks who somebody is.
const (
	childEnv   = "OARLOCK_TEST_CHILD"
	childTrust = "OARLOCK_TEST_CHILD_TRUST"
	// childDies names the step of an emergency at which the server kills itself.
	childDies = "OARLOCK_TEST_CHILD_DIES"
	// childLater is by how much its clock is ahead, past the leases of one that was killed.
	childLater = "OARLOCK_TEST_CHILD_LATER"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child serves until it is killed. It says its URL in the first line of stdout.
func child(dir string) int {
	c := config.Default()
	c.Data, c.Listen, c.Dev = dir, "127.0.0.1:0", true
	if trust := os.Getenv(childTrust); trust != "" {
		c.Dev, c.Trust = false, trust
	}
	o := Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Notice: os.Stderr}
	if later, err := time.ParseDuration(os.Getenv(childLater)); err == nil {
		c.Drill.ClockOffset, c.Drill.Copy = later, true
	}
	if at := os.Getenv(childDies); at != "" {
		o.emergencies, o.lifecycles = dyingAt(at), deletingUntil(at)
		if at == beforeTag {
			o.lifecycles = cutBeforeTag(c)
		}
	}
	s, err := Open(context.Background(), c, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.URL())
	if err := s.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

type process struct {
	*exec.Cmd
	url string
}

func spawn(t *testing.T, dir string, env ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+dir), env...)
	cmd.Stderr = testLog{t}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: cmd}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	p.url = strings.TrimSpace(line)
	return p
}

// kill is kill -9, and waits until the process is gone.
func (p *process) kill() {
	if p.ProcessState == nil {
		p.Process.Kill()
		p.Wait()
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// plugin packs version n of a plugin.
func plugin(t *testing.T, n int) *pack.Result {
	t.Helper()
	dir := t.TempDir()
	manifest := fmt.Sprintf(`{"id": "acme/p%d", "version": "1.%d.0", "engines": {"acme-editor": "*"}}`, n%5, n)
	for name, content := range map[string]string{pack.ManifestFile: manifest, "file.txt": strings.Repeat(fmt.Sprint(n), 5000)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := pack.Dir(t.Context(), dir, pack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get[T any](t *testing.T, method, url string) (v T) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Whatever was acknowledged before kill -9 is there after the restart, and the
// catalog that serves is the one that the registry's content gives (C1).
func TestKilledDuringPushesNothingAcknowledgedIsMissing_C1(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	acknowledged := map[string]string{} // id@version → digest
	next := 0
	for _, until := range []int{3, 7, 12} {
		p := spawn(t, dir)
		next = pushUntilKilled(t, p, next, until, acknowledged)
		p = spawn(t, dir)
		check(t, p.url, acknowledged)
		p.kill()
	}
}

// pushUntilKilled pushes from several goroutines and kills the server once
// some more pushes were acknowledged.
func pushUntilKilled(t *testing.T, p *process, first, enough int, acknowledged map[string]string) int {
	t.Helper()
	const at = 24
	packed := make(chan *pack.Result, at)
	for n := range at {
		packed <- plugin(t, first+n)
	}
	close(packed)
	var mu sync.Mutex
	var wait sync.WaitGroup
	done := 0
	for range 4 {
		wait.Go(func() {
			for r := range packed {
				ref := fmt.Sprintf("%s/%s:%s", strings.TrimPrefix(p.url, "http://"), r.Plugin.ID, r.Plugin.Version.Tag())
				err := remote.Push(t.Context(), r.Store, r.Root, ref, remote.Options{HTTPClient: visitor})
				mu.Lock()
				if err == nil {
					acknowledged[r.Plugin.ID.String()+"@"+r.Plugin.Version.String()] = r.Root.Digest.String()
					if done++; done == enough {
						p.Process.Kill()
					}
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	p.Wait()
	if done < enough {
		t.Fatalf("%d pushes were acknowledged, expected at least %d", done, enough)
	}
	return first + at
}

func check(t *testing.T, url string, acknowledged map[string]string) {
	t.Helper()
	// The comparison reads the registry whole, and waits for what is under way.
	if r := get[index.Rebuilt](t, "POST", url+"/api/v1/admin/rebuild"); !r.Agrees {
		t.Logf("before it reconciled: %v", r.Differences)
	}
	if r := get[index.Rebuilt](t, "POST", url+"/api/v1/admin/rebuild?check=true"); !r.Agrees {
		t.Errorf("rebuild --check: %v", r.Differences)
	}
	for at, want := range acknowledged {
		id, version, _ := strings.Cut(at, "@")
		if got := get[index.VersionDetail](t, "GET", url+"/api/v1/plugins/"+id+"/versions/"+version); got.Digest.String() != want {
			t.Errorf("%s: catalog has %s, expected %s", at, got.Digest, want)
		}
		d, err := remote.Resolve(t.Context(), fmt.Sprintf("%s/%s:%s", strings.TrimPrefix(url, "http://"), id, version), remote.Options{})
		if err != nil || d.Digest.String() != want {
			t.Errorf("%s: registry has %s, error %v, expected %s", at, d.Digest, err, want)
		}
	}
}

//go:build e2e

package crash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	kills    = 10
	patience = 30 * time.Second
)

// TestKillDuringImportLosesNothingAcknowledged_C1 kills the server ten times.
// After each restart every version in the importer's journal, which is written
// when the registry has answered, must be there with its digest, and the
// catalog must be what a rebuild gives.
func TestKillDuringImportLosesNothingAcknowledged_C1(t *testing.T) {
	dir := t.TempDir()
	w := &world{t: t, dir: dir, addr: freeAddr(t), journal: filepath.Join(dir, "journal"), set: os.Getenv("KREW_SET")}
	w.oarlock = build(t, dir, "./cmd/oarlock")
	w.importer = build(t, dir, "./examples/krew-importer")
	if w.set == "" {
		w.set = makeSet(t, dir)
	}
	for round := range kills {
		server := w.serve()
		w.check(round)
		ctx, stop := context.WithCancel(t.Context())
		imported := make(chan error, 1)
		go func() { imported <- w.start(ctx).Run() }()
		select {
		case <-time.After(time.Duration(50+rand.IntN(1500)) * time.Millisecond): // the moment is the test
		case <-imported:
			imported <- nil // it was done before the kill; the next round finds all of it
		}
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = server.Wait()
		stop()
		<-imported
	}
	server := w.serve()
	w.check(kills)
	out, err := w.start(t.Context()).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 3) {
		t.Fatalf("the import does not finish after the kills: %v\n%s", err, out)
	}
	w.check(kills + 1)
	_ = server.Process.Kill()
	_ = server.Wait()
}

type world struct {
	t                 *testing.T
	dir, addr         string
	oarlock, importer string
	journal, set      string
}

// start makes one run of the importer, which goes on where the last one stopped.
func (w *world) start(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, w.importer, "--data", w.set, "--registry", w.addr, "--journal", w.journal)
}

// serve starts the server over the same data and waits until it is ready.
func (w *world) serve() *exec.Cmd {
	w.t.Helper()
	cmd := exec.Command(w.oarlock, "serve", "--dev", "--data", filepath.Join(w.dir, "data"), "--listen", w.addr, "--log-level", "warn")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		if resp, err := web.Get("http://" + w.addr + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			w.t.Fatalf("not ready %v after a kill:\n%s", patience, log.String())
		}
	}
}

// check looks for every acknowledged version and compares the catalog with a rebuild.
func (w *world) check(round int) {
	w.t.Helper()
	lines := w.acknowledged()
	for ref, digest := range lines {
		repo, tag, _ := strings.Cut(strings.TrimPrefix(ref, w.addr+"/"), ":")
		req, err := http.NewRequest(http.MethodHead, "http://"+w.addr+"/v2/"+repo+"/manifests/"+tag, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json")
		resp, err := web.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Docker-Content-Digest"); resp.StatusCode != http.StatusOK || got != digest {
			w.t.Errorf("after %d kills: %s was acknowledged as %s, now %s %s", round, ref, digest, resp.Status, got)
		}
	}
	out, err := exec.Command(w.oarlock, "rebuild", "--check", "--server", "http://"+w.addr).CombinedOutput()
	if err != nil {
		w.t.Errorf("after %d kills: rebuild --check: %v: %s", round, err, out)
	}
	w.t.Logf("after %d kills: %d acknowledged versions are there; %s", round, len(lines), bytes.TrimSpace(out))
}

func (w *world) acknowledged() map[string]string {
	raw, err := os.ReadFile(w.journal)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if ref, digest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && strings.HasSuffix(line, "\n") {
			lines[ref] = digest
		}
	}
	return lines
}

func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	out := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = "../.."
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	return out
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// makeSet writes 60 plugins with 40 versions each in krew's form.
func makeSet(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for v := range 40 {
		for p := range 60 {
			id, version := fmt.Sprintf("plugin-%c%c", 'a'+p/26, 'a'+p%26), fmt.Sprintf("v1.%d.0", v)
			if err := enc.Encode(map[string]any{"id": id, "version": version, "released": "2026-01-02T03:04:05Z",
				"shortDescription": "made for a crash", "platforms": []any{map[string]any{
					"selector": map[string]any{"matchLabels": map[string]string{"os": "linux", "arch": "amd64"}},
					"uri":      "https://example.org/" + id + ".tar.gz",
					"sha256":   fmt.Sprintf("%x", sha256.Sum256([]byte(id+version))), "bin": id}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(dir, "set.jsonl")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package client_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// TestMain lets a test run this binary again as a host that updates its store
// and is killed while it does.
func TestMain(m *testing.M) {
	if dir := os.Getenv("OARLOCK_TEST_UPDATE"); dir != "" {
		os.Exit(updateStore(dir, os.Getenv("OARLOCK_TEST_SERVER")))
	}
	os.Exit(m.Run())
}

func updateStore(dir, server string) int {
	c, err := client.New(server, client.Options{})
	if err != nil {
		return 1
	}
	p, err := client.NewPuller(client.PullOptions{Verifier: &trusting{}, HTTPClient: web})
	if err != nil {
		return 1
	}
	ask := func(_ context.Context, i client.Installed) error {
		resp, err := web.Get(server + "/check")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	store, err := client.OpenStore(dir, client.StoreOptions{Client: c, Puller: p, Host: index.HostQuery{ID: "acme-editor"}, Check: ask})
	if err != nil {
		return 1
	}
	if _, err := store.Update(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A host that dies while it updates leaves the earlier state working, whichever
// request it dies at, its own check included, and the next update succeeds.
func TestAKilledUpdateLeavesTheEarlierState_L1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "*"))
	const before, after = "acme/lib 1.0.0, acme/tool 1.0.0", "acme/lib 2.0.0, acme/tool 2.0.0"
	dir := t.TempDir()
	install(t, openStore(t, s, dir), "acme/tool")
	s.publish(t, "acme/lib", "2.0.0", release{})
	s.publish(t, "acme/tool", "2.0.0", needs("acme/lib", "*"))

	for moment := 1; ; moment++ {
		if survived := killAt(t, s, dir, moment); survived {
			if moment < 8 {
				t.Errorf("an update of two plugins made %d requests only", moment-1)
			}
			break
		}
		store := openStore(t, s, dir)
		if got := active(t, store); got != before {
			t.Fatalf("killed at request %d: active is %s", moment, got)
		}
		if _, err := store.Update(t.Context()); err != nil {
			t.Fatalf("killed at request %d: the next update: %v", moment, err)
		}
		if got := active(t, store); got != after {
			t.Fatalf("killed at request %d: after the next update active is %s", moment, got)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "staging", "*")); len(left) > 0 {
			t.Errorf("killed at request %d: staging holds %v", moment, left)
		}
		if _, err := store.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := active(t, openStore(t, s, dir)); got != after {
		t.Errorf("not killed: active is %s", got)
	}
}

// killAt runs an update in a process of its own and kills it at its request of
// the given number. It reports whether the process came to its end before.
func killAt(t *testing.T, s *shop, dir string, moment int) (survived bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "OARLOCK_TEST_UPDATE="+dir, "OARLOCK_TEST_SERVER="+s.url)
	var said bytes.Buffer
	cmd.Stderr = &said
	var mu sync.Mutex
	var asked int
	started, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	s.lies(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		<-started
		mu.Lock()
		asked++
		now := asked
		mu.Unlock()
		switch {
		case now == moment:
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			<-over
		case r.URL.Path != "/check":
			honest.ServeHTTP(w, r)
		}
	})
	defer s.lies(nil)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	mu.Lock()
	defer mu.Unlock()
	switch {
	case err != nil && asked < moment:
		t.Fatalf("the update failed by itself at request %d: %v: %s", asked, err, said.String())
	case err == nil && asked >= moment:
		t.Fatalf("the update outlived its death at request %d", moment)
	}
	return err == nil
}

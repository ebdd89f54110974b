package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
)

func needs(id, rng string) release {
	return release{plugin: map[string]any{"dependencies": []any{map[string]any{"id": id, "range": rng}}}}
}

func openStore(t *testing.T, s *shop, dir string, set ...func(*client.StoreOptions)) *client.Store {
	t.Helper()
	o := client.StoreOptions{Client: s.client(t), Puller: newPuller(t), Host: index.HostQuery{ID: "acme-editor", Version: "3.0"}}
	for _, f := range set {
		f(&o)
	}
	store, err := client.OpenStore(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func install(t *testing.T, store *client.Store, wants ...string) *client.Change {
	t.Helper()
	var list []index.Want
	for _, w := range wants {
		id, rng, _ := strings.Cut(w, " ")
		list = append(list, index.Want{ID: id, Range: rng})
	}
	c, err := store.Install(t.Context(), list...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// active is what the store lists, as "acme/lib 1.0.0"; each one's files must be
// those of that version.
func active(t *testing.T, store *client.Store) string {
	t.Helper()
	list, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range list {
		text := fmt.Sprintf("%s %s", i.ID, i.Version)
		if raw, err := os.ReadFile(filepath.Join(i.Dir, "main.txt")); err != nil || string(raw) != text {
			t.Errorf("files of %s: %q, %v", text, raw, err)
		}
		if i.Plugin.ID != i.ID || i.Signature.Status != index.SignatureVerified {
			t.Errorf("listed %+v", i)
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestInstallUpdateAndRollBack_L1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1"))
	dir := filepath.Join(t.TempDir(), "plugins")
	store := openStore(t, s, dir)

	c := install(t, store, "acme/tool ^1")
	if diff := cmp.Diff([]client.Moved{{ID: name(t, "acme/lib"), To: "1.0.0"}, {ID: name(t, "acme/tool"), To: "1.0.0"}}, c.Changed,
		cmp.Comparer(func(a, b artifact.Name) bool { return a == b })); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if got := active(t, store); got != "acme/lib 1.0.0, acme/tool 1.0.0" {
		t.Errorf("installed %s", got)
	}
	if again := install(t, store, "acme/tool ^1"); again.Serial != c.Serial || len(again.Changed) != 0 {
		t.Errorf("the same again: %+v", again)
	}

	s.publish(t, "acme/lib", "1.1.0", release{})
	s.publish(t, "acme/tool", "1.2.0", needs("acme/lib", "^1"))
	s.publish(t, "acme/tool", "2.0.0", release{})
	s.publish(t, "acme/other", "1.0.0", needs("acme/lib", "^1"))
	install(t, store, "acme/other")
	if got := active(t, store); got != "acme/lib 1.0.0, acme/other 1.0.0, acme/tool 1.0.0" {
		t.Errorf("with one more, the others stay: %s", got)
	}
	if _, err := store.Update(t.Context(), name(t, "acme/tool")); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "acme/lib 1.0.0, acme/other 1.0.0, acme/tool 1.2.0" {
		t.Errorf("after updating one: %s", got)
	}
	if _, err := store.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "acme/lib 1.1.0, acme/other 1.0.0, acme/tool 1.2.0" {
		t.Errorf("after updating all: %s", got)
	}
	if _, err := store.Update(t.Context(), name(t, "acme/none")); kinds(err) != "not found" {
		t.Errorf("updating what is not there: %v", err)
	}

	s.lies(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	for _, want := range []string{
		"acme/lib 1.0.0, acme/other 1.0.0, acme/tool 1.2.0",
		"acme/lib 1.0.0, acme/other 1.0.0, acme/tool 1.0.0",
		"acme/lib 1.0.0, acme/tool 1.0.0",
	} {
		if _, err := store.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := active(t, store); got != want {
			t.Errorf("rolled back to %s, expected %s", got, want)
		}
	}
	if _, err := store.Rollback(t.Context()); kinds(err) != "not found" {
		t.Errorf("beyond the first state: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "content")); len(left) != 2 {
		t.Errorf("%d versions are kept, nothing can go back to more than 2", len(left))
	}
}

func TestRemoveTakesWhatOnlyItNeeded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1"))
	s.publish(t, "acme/other", "1.0.0", release{})
	store := openStore(t, s, t.TempDir())
	install(t, store, "acme/tool", "acme/other")
	if _, err := store.Remove(t.Context(), name(t, "acme/lib")); kinds(err) != "conflict" {
		t.Errorf("removing what another needs: %v", err)
	}
	if _, err := store.Remove(t.Context(), name(t, "acme/tool")); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "acme/other 1.0.0" {
		t.Errorf("left %s", got)
	}
	if _, err := store.Remove(t.Context(), name(t, "acme/other")); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "" {
		t.Errorf("left %s", got)
	}
}

func TestAFailedCheckKeepsTheEarlierVersion_D4(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	var asked []string
	store := openStore(t, s, t.TempDir(), func(o *client.StoreOptions) {
		o.Check = func(_ context.Context, i client.Installed) error {
			asked = append(asked, i.Version.String())
			if _, err := os.Stat(filepath.Join(i.Dir, "main.txt")); err != nil {
				return err
			}
			if i.Version.Major() == 2 {
				return errors.New("does not start")
			}
			return nil
		}
	})
	install(t, store, "acme/tool")
	s.publish(t, "acme/tool", "2.0.0", release{})
	_, err := store.Update(t.Context())
	if err == nil || !strings.Contains(err.Error(), "check of acme/tool 2.0.0: does not start") {
		t.Errorf("got %v", err)
	}
	if got := active(t, store); got != "acme/tool 1.0.0" {
		t.Errorf("active is %s", got)
	}
	if diff := cmp.Diff([]string{"1.0.0", "2.0.0"}, asked); diff != "" {
		t.Errorf("asked about (-want +got):\n%s", diff)
	}
}

func TestAYankedVersionStaysInstalled_E1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.1.0", release{})
	s.publish(t, "acme/other", "1.0.0", release{})
	store := openStore(t, s, t.TempDir())
	install(t, store, "acme/tool")
	s.change(t, "acme/tool", func(p *catalog.Plugin) { p.Versions[0].Yanked = &index.Yanked{Reason: "breaks files"} })
	install(t, store, "acme/other")
	if got := active(t, store); got != "acme/other 1.0.0, acme/tool 1.1.0" {
		t.Errorf("active is %s", got)
	}
	if _, err := store.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "acme/other 1.0.0, acme/tool 1.0.0" {
		t.Errorf("after an update active is %s", got)
	}
}

func TestALyingCatalogChangesNothing_G1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1"))
	two := needs("acme/lib", "^1")
	two.plugin["platforms"] = []string{"linux/amd64", "darwin/arm64"}
	two.files = map[string]string{"platforms/linux-amd64/tool": "#!linux", "platforms/darwin-arm64/tool": "#!mac"}
	newest := s.publish(t, "acme/tool", "1.1.0", two)
	mac, err := newPuller(t, func(o *client.PullOptions) { o.Platform = platform(t, "darwin/arm64") }).
		Pull(t.Context(), s.host+"/acme/tool:1.1.0", filepath.Join(t.TempDir(), "mac"))
	if err != nil {
		t.Fatal(err)
	}
	foreign := s.publish(t, "acme/evil", "1.1.0", release{})
	s.smuggle(t, "acme/evil", "acme/tool", foreign)
	tooNew := s.publish(t, "acme/tool", "0.5.0", release{plugin: map[string]any{"engines": map[string]string{"acme-editor": ">=9"}}})
	for title, lie := range map[string]func(*index.Resolution){
		"another version's digest under a version": func(r *index.Resolution) {
			r.Resolved[1].Version = "1.9.0"
		},
		"another plugin's artifact": func(r *index.Resolution) {
			r.Resolved[1].Digest = foreign
			r.Resolved[1].Reference = s.host + "/acme/evil@" + foreign.String()
		},
		"another plugin's artifact in the repository of the wanted": func(r *index.Resolution) {
			r.Resolved[1].Digest, r.Resolved[1].PlatformDigest = foreign, foreign
			r.Resolved[1].Reference = s.host + "/acme/tool@" + foreign.String()
		},
		"a reference to another digest": func(r *index.Resolution) {
			r.Resolved[1].Reference = s.host + "/acme/tool@" + foreign.String()
		},
		"a reference by tag": func(r *index.Resolution) { r.Resolved[1].Reference = s.host + "/acme/tool:1.1.0" },
		"a platform build that is not in it": func(r *index.Resolution) {
			r.Resolved[1].PlatformDigest = foreign
		},
		"a platform build that is not ours": func(r *index.Resolution) {
			r.Resolved[1].PlatformDigest = mac.PlatformDigest
		},
		"a dependency left out": func(r *index.Resolution) { r.Resolved = r.Resolved[1:] },
		"the wanted left out":   func(r *index.Resolution) { r.Resolved = r.Resolved[:1] },
		"one plugin twice":      func(r *index.Resolution) { r.Resolved = append(r.Resolved, r.Resolved[1]) },
		"a version that does not fit the host": func(r *index.Resolution) {
			r.Resolved[1].Version, r.Resolved[1].Digest = "0.5.0", tooNew
			r.Resolved[1].PlatformDigest = tooNew
			r.Resolved[1].Reference = s.host + "/acme/tool@" + tooNew.String()
		},
		"a version outside the range": func(r *index.Resolution) { r.Resolved[1].Version = "2.0.0" },
	} {
		t.Run(title, func(t *testing.T) {
			lying := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				var q index.ResolveRequest
				if err := json.NewDecoder(req.Body).Decode(&q); err != nil {
					t.Error(err)
				}
				r, err := s.client(t).Resolve(req.Context(), q)
				if err != nil || r.Resolved[1].Digest != newest {
					t.Errorf("%+v, %v", r, err)
				}
				lie(r)
				json.NewEncoder(w).Encode(r)
			}))
			defer lying.Close()
			c, err := client.New(lying.URL, client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			store := openStore(t, s, t.TempDir(), func(o *client.StoreOptions) { o.Client = c })
			_, err = store.Install(t.Context(), index.Want{ID: "acme/tool", Range: "<2"})
			if kinds(err) != "unverified" {
				t.Errorf("got %v, expected unverified", err)
			}
			if got := active(t, store); got != "" {
				t.Errorf("active is %s", got)
			}
		})
	}
}

func TestADamagedStateIsNamed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	for title, damage := range map[string]func(string) string{
		"cut short":            func(text string) string { return text[:len(text)/2] },
		"empty":                func(string) string { return "" },
		"one letter changed":   func(text string) string { return strings.Replace(text, `"version": "1.0.0"`, `"version": "1.0.1"`, 1) },
		"of no known format":   func(text string) string { return strings.Replace(text, `"format": 1`, `"format": 9`, 1) },
		"something else whole": func(string) string { return `[1, 2]` },
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			store := openStore(t, s, dir)
			install(t, store, "acme/tool")
			path := filepath.Join(dir, "state.json")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			bad := damage(string(raw))
			if bad == string(raw) {
				t.Fatal("no damage done")
			}
			if err := os.WriteFile(path, []byte(bad), 0o644); err != nil {
				t.Fatal(err)
			}
			_, open := client.OpenStore(dir, client.StoreOptions{})
			_, list := store.List(t.Context())
			_, again := store.Install(t.Context(), index.Want{ID: "acme/tool"})
			_, back := store.Rollback(t.Context())
			for _, err := range []error{open, list, again, back} {
				if err == nil || !strings.Contains(err.Error(), path) {
					t.Errorf("got %v, expected an error that names %s", err, path)
				}
			}
			if now, _ := os.ReadFile(path); string(now) != bad {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestWhatACutLeftIsPutInOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	s.publish(t, "acme/other", "1.0.0", release{})
	dir, abandoned := t.TempDir(), strings.Repeat("0", 64)+"-"+strings.Repeat("0", 16)
	store := openStore(t, s, dir)
	install(t, store, "acme/tool")
	lock, err := os.ReadFile(filepath.Join(dir, "oarlock-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		os.Remove(filepath.Join(dir, "oarlock-lock.json")),                   // cut between state and lock file
		os.MkdirAll(filepath.Join(dir, "staging", "pull-1", "files"), 0o755), // cut while unpacking
		os.MkdirAll(filepath.Join(dir, "content", abandoned), 0o755),         // cut between content and state
		os.MkdirAll(filepath.Join(dir, "content", "notes"), 0o755),           // somebody else's
	)
	if err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "acme/tool 1.0.0" {
		t.Errorf("active is %s", got)
	}
	install(t, store, "acme/tool")
	if got, err := os.ReadFile(filepath.Join(dir, "oarlock-lock.json")); string(got) != string(lock) {
		t.Errorf("lock file %s, %v", got, err)
	}
	for _, gone := range []string{"staging/pull-1", "content/" + abandoned} {
		if _, err := os.Stat(filepath.Join(dir, gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "content", "notes")); err != nil {
		t.Errorf("what no store made is gone: %v", err)
	}
	l, err := client.ReadLockfile(filepath.Join(dir, "oarlock-lock.json"))
	if err != nil || len(l.Locked()) != 1 || l.Resolved[0].Version != "1.0.0" {
		t.Errorf("lock file %+v, %v", l, err)
	}
}

func TestChangesTakeTurns(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const many = 6
	var want []string
	for n := range many {
		id := fmt.Sprintf("acme/p%d", n)
		s.publish(t, id, "1.0.0", release{})
		want = append(want, id+" 1.0.0")
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for n := range many {
		wg.Go(func() {
			store := openStore(t, s, dir)
			if _, err := store.Install(t.Context(), index.Want{ID: fmt.Sprintf("acme/p%d", n)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := active(t, openStore(t, s, dir)); got != strings.Join(want, ", ") {
		t.Errorf("active is %s", got)
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	dir := t.TempDir()
	other := openStore(t, s, dir)
	store := openStore(t, s, dir, func(o *client.StoreOptions) {
		o.Check = func(ctx context.Context, _ client.Installed) error { // the lock is held here
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := other.Rollback(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			return nil
		}
	})
	install(t, store, "acme/tool")
}

func TestAStoreForReadingResolvesNothing(t *testing.T) {
	t.Parallel()
	store, err := client.OpenStore(t.TempDir(), client.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Install(t.Context(), index.Want{ID: "acme/tool"}); kinds(err) != "invalid" {
		t.Errorf("got %v", err)
	}
	if got, err := store.List(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

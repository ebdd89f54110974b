package client_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/client"
)

// removeShop is a shop whose acme/tool and acme/other need acme/lib.
func removeShop(t *testing.T) *shop {
	t.Helper()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1"))
	s.publish(t, "acme/other", "1.0.0", needs("acme/lib", "^1"))
	return s
}

// requestedBy is who asked for each that a store lists.
func requestedBy(t *testing.T, store *client.Store) map[string][]string {
	t.Helper()
	list, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, i := range list {
		out[i.ID.String()] = i.RequestedBy
	}
	return out
}

// damage takes a file of an installed plugin away.
func damage(t *testing.T, store *client.Store, id string) {
	t.Helper()
	list, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.ID.String() == id {
			if err := os.Remove(filepath.Join(i.Dir, "main.txt")); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%s is not installed", id)
}

// Proves L1: taking a plugin out is a local act. No server is asked, and a store
// that was opened for reading can do it too.
func TestRemoveAsksNobody_L1(t *testing.T) {
	t.Parallel()
	s := removeShop(t)
	for title, open := range map[string]func(dir string) *client.Store{
		"a server that refuses": func(dir string) *client.Store { return openStore(t, s, dir) },
		"no server": func(dir string) *client.Store {
			store, err := client.OpenStore(dir, client.StoreOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
	} {
		dir := t.TempDir()
		s.lies(nil)
		install(t, openStore(t, s, dir), "acme/tool", "acme/other")
		store := open(dir)
		s.lies(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		done, err := store.Remove(t.Context(), name(t, "acme/tool"))
		if err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		if len(done.Changed) != 1 || done.Changed[0].ID.String() != "acme/tool" || len(done.Installed) != 2 || len(s.requests()) != 0 {
			t.Errorf("%s: requests %q, %+v", title, s.requests(), done)
		}
		want := map[string][]string{"acme/lib": {"acme/other"}, "acme/other": {"request"}}
		if diff := cmp.Diff(want, requestedBy(t, store)); diff != "" {
			t.Errorf("%s: %s", title, diff)
		}
		if _, err := store.Rollback(t.Context()); err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		if got := active(t, store); !strings.Contains(got, "acme/tool 1.0.0") || strings.Count(got, ",") != 2 {
			t.Errorf("%s: after going back %s", title, got)
		}
	}
}

// What was asked for and is needed too stays as long as what needs it does.
func TestRemoveLeavesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	s := removeShop(t)
	store := openStore(t, s, t.TempDir())
	install(t, store, "acme/lib", "acme/tool")
	if _, err := store.Remove(t.Context(), name(t, "acme/lib")); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"acme/lib": {"acme/tool"}, "acme/tool": {"request"}}
	if diff := cmp.Diff(want, requestedBy(t, store)); diff != "" {
		t.Error(diff)
	}
	if _, err := store.Remove(t.Context(), name(t, "acme/tool")); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "" {
		t.Errorf("left %s", got)
	}
}

// Proves L1: what is damaged can be taken out, and keeps nothing else from being
// taken out: it is named, and stays as it was.
func TestRemoveOfAndBesideWhatIsDamaged_L1(t *testing.T) {
	t.Parallel()
	s := removeShop(t)
	s.publish(t, "acme/third", "1.0.0", release{})
	store := openStore(t, s, t.TempDir())
	install(t, store, "acme/tool", "acme/other", "acme/third")
	list, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.ID.String() == "acme/tool" || i.ID.String() == "acme/third" {
			if err := os.Remove(filepath.Join(i.Dir, "main.txt")); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds, err := store.List(t.Context())
	if bad, is := errors.AsType[*client.DamagedError](err); !is || len(bad.Damaged) != 2 || len(holds) != 2 || !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("two are damaged: %+v, %v", holds, err)
	}
	done, err := store.Remove(t.Context(), name(t, "acme/third"))
	if err != nil || len(done.Changed) != 1 || len(done.Damaged) != 1 || done.Damaged[0].ID.String() != "acme/tool" || len(done.Installed) != 2 {
		t.Fatalf("beside it: %+v, %v", done, err)
	}
	if _, err := store.Remove(t.Context(), name(t, "acme/tool")); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); !strings.Contains(got, "acme/other 1.0.0") || strings.Contains(got, "acme/tool") {
		t.Errorf("left %s", got)
	}
}

package client_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
)

type whyOf map[string][]digest.Digest

func (w whyOf) Why(_ context.Context, id artifact.Name, _ index.Query) (*index.Why, error) {
	all, ok := w[id.String()]
	if !ok {
		return nil, artifact.ErrNotFound
	}
	out := &index.Why{}
	for _, d := range all {
		out.Versions = append(out.Versions, index.WhyVersion{Digest: d})
	}
	return out, nil
}

// Proves D2: what the lock held and the answer does not is named.
func TestLockChangesAreNamed_D2(t *testing.T) {
	t.Parallel()
	d := func(s string) digest.Digest { return digest.FromString(s) }
	was := client.Lockfile{Resolved: []client.LockedPlugin{{ID: "acme/same", Version: "1.0.0", Digest: d("same")}, {ID: "acme/gone", Version: "1.0.0", Digest: d("gone")},
		{ID: "acme/moved", Version: "1.0.0", Digest: d("moved")}, {ID: "acme/idle", Version: "1.0.0", Digest: d("idle")}, {ID: "acme/nil", Version: "1.0.0", Digest: d("nil")}}}
	now := []index.Resolved{{ID: "acme/same", Version: "1.0.0", Digest: d("same")}, {ID: "acme/gone", Version: "1.1.0", Digest: d("next")},
		{ID: "acme/moved", Version: "2.0.0", Digest: d("two")}, {ID: "acme/new", Version: "1.0.0", Digest: d("new")}}
	there := whyOf{"acme/same": {d("same")}, "acme/gone": {d("next")}, "acme/moved": {d("two"), d("moved")}, "acme/idle": {d("idle")}}
	for frozen, want := range map[bool][]string{
		false: {"acme/gone gone", "acme/moved moved", "acme/idle dropped", "acme/nil gone"},
		true:  {"acme/gone gone", "acme/moved moved", "acme/idle dropped", "acme/nil gone", "acme/new added"},
	} {
		changed, err := was.Changes(t.Context(), there, now, index.Query{}, frozen)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range changed {
			got = append(got, c.ID+" "+c.Reason)
		}
		if !slices.Equal(got, want) {
			t.Errorf("frozen %v: %q, expected %q", frozen, got, want)
		}
	}
}

// lockOf is what acme/tool ^1 and acme/other come to now.
func lockOf(t *testing.T, s *shop) *client.Lockfile {
	t.Helper()
	q := index.ResolveRequest{Host: index.HostQuery{ID: "acme-editor", Version: "3.0"}, Plugins: []index.Want{{ID: "acme/tool", Range: "^1"}, {ID: "acme/other"}}}
	got, err := s.client(t).Resolve(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return client.NewLockfile(q, got)
}

func lockedShop(t *testing.T) (*shop, *client.Lockfile) {
	t.Helper()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1"))
	s.publish(t, "acme/other", "1.0.0", release{})
	l := lockOf(t, s)
	s.publish(t, "acme/lib", "1.1.0", release{})
	s.publish(t, "acme/tool", "1.1.0", needs("acme/lib", "^1"))
	s.publish(t, "acme/other", "2.0.0", release{})
	s.publish(t, "acme/more", "1.0.0", release{})
	return s, l
}

// agesOf are since when digests are public; what is not there is not known.
type agesOf map[digest.Digest]time.Time

func (a agesOf) Published(_ artifact.Name, d digest.Digest) (time.Time, bool) {
	at, ok := a[d]
	return at, ok
}

func (a agesOf) Size() int64 { return 0 }

// Proves D8: a lock file is no way round the minimum age of a site: what it brings that
// is too young is refused with until when, and with what needs it; the rest goes on,
// frozen nothing does. What is installed already stays, and what became old enough comes.
func TestALockIsNoWayRoundAMinimumAge_D8(t *testing.T) {
	t.Parallel()
	const least = 72 * time.Hour
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	public := agesOf{}
	s := newShop(t, func(o *api.Options) {
		o.MinimumAge, o.Now = least, func() time.Time { return now }
		o.Ages = func(context.Context) (*catalog.Ages, error) { return catalog.NewAges(public, catalog.Exemption{}), nil }
	})
	lib := s.publish(t, "acme/lib", "1.0.0", release{})
	for _, d := range []digest.Digest{s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1")), s.publish(t, "acme/other", "1.0.0", release{})} {
		public[d] = now.Add(-2 * least)
	}
	public[lib] = now.Add(-2 * least)
	l := lockOf(t, s)
	public[lib] = now.Add(-time.Hour)
	until := now.Add(least - time.Hour).Format(time.RFC3339)
	store := openStore(t, s, t.TempDir())
	if _, err := store.InstallLocked(t.Context(), l, client.LockedOptions{Frozen: true}); !errors.Is(err, artifact.ErrConflict) ||
		!strings.Contains(err.Error(), "acme/lib 1.0.0: too_young: ") || !strings.Contains(err.Error(), "too young until "+until) {
		t.Errorf("frozen: %v", err)
	}
	c := installLocked(t, store, l, client.LockedOptions{})
	if got := active(t, store); got != "acme/other 1.0.0" || len(c.Held) != 1 || c.Held[0].ID.String() != "acme/tool" ||
		!strings.Contains(c.Held[0].Reason, until) {
		t.Errorf("installed %s, held %+v", got, c.Held)
	}
	now = now.Add(least)
	installLocked(t, store, l, client.LockedOptions{Frozen: true})
	if got := active(t, store); !strings.Contains(got, "acme/tool 1.0.0") || !strings.Contains(got, "acme/lib 1.0.0") {
		t.Errorf("when it is old enough: %s", got)
	}
	now = now.Add(-least)
	if again := installLocked(t, store, l, client.LockedOptions{Frozen: true}); len(again.Changed) != 0 || len(again.Held) != 0 {
		t.Errorf("what is installed does not stay: %+v", again)
	}
}

func installLocked(t *testing.T, store *client.Store, l *client.Lockfile, o client.LockedOptions) *client.Change {
	t.Helper()
	c, err := store.InstallLocked(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Proves D2: what a lock file holds is installed at its digests, though there is
// newer, with the ranges that were asked, in one request.
func TestALockIsInstalledAsItIs_D2(t *testing.T) {
	t.Parallel()
	s, l := lockedShop(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "oarlock.lock")
	if err := l.Write(path); err != nil {
		t.Fatal(err)
	}
	l, err := client.ReadLockfile(path)
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, s, filepath.Join(dir, "store"))
	s.lies(nil)
	installLocked(t, store, l, client.LockedOptions{Frozen: true})
	if got := active(t, store); got != "acme/lib 1.0.0, acme/tool 1.0.0, acme/other 1.0.0" && got != "acme/other 1.0.0, acme/lib 1.0.0, acme/tool 1.0.0" {
		t.Errorf("installed %s", got)
	}
	if n := len(slices.DeleteFunc(s.requests(), func(r string) bool { return !strings.Contains(r, "/api/") })); n != 1 {
		t.Errorf("the catalog was asked %d times: %q", n, s.requests())
	}
	if again := installLocked(t, store, l, client.LockedOptions{Frozen: true}); len(again.Changed) != 0 {
		t.Errorf("the same again: %+v", again)
	}
	if _, err := store.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); !strings.Contains(got, "acme/tool 1.1.0") || !strings.Contains(got, "acme/lib 1.1.0") || !strings.Contains(got, "acme/other 2.0.0") {
		t.Errorf("an update goes within the ranges of the lock: %s", got)
	}
	installLocked(t, store, l, client.LockedOptions{Only: []artifact.Name{name(t, "acme/tool")}, Frozen: true})
	if got := active(t, store); !strings.Contains(got, "acme/tool 1.0.0") || !strings.Contains(got, "acme/lib 1.0.0") || !strings.Contains(got, "acme/other 2.0.0") {
		t.Errorf("one plugin of it, with what it needs: %s", got)
	}
	if _, err := store.InstallLocked(t.Context(), l, client.LockedOptions{Only: []artifact.Name{name(t, "acme/more")}}); kinds(err) != "not found" {
		t.Errorf("a plugin that is not in it: %v", err)
	}
}

// gone takes one version out of the catalog.
func (s *shop) gone(t *testing.T, id, version string) {
	t.Helper()
	s.change(t, id, func(p *catalog.Plugin) {
		p.Versions = slices.DeleteFunc(p.Versions, func(v catalog.Version) bool { return v.Version.String() == version })
	})
}

func (s *shop) block(t *testing.T, id, version string) {
	t.Helper()
	withdraw(t, s, id, func(p *catalog.Plugin, v *catalog.Version) {
		if v.Version.String() == version {
			blocked(p, v)
		}
	})
}

// Proves D2: frozen, each plugin that is not as the lock file has it is named and
// nothing changes; else it stays away and the rest goes on.
func TestALockThatCannotBeFollowed_D2(t *testing.T) {
	t.Parallel()
	for title, row := range map[string]struct {
		harm func(t *testing.T, s *shop, l *client.Lockfile, store *client.Store)
		// says is in the refusal of a frozen lock, and left what else is installed.
		says, left string
	}{
		"a version is gone":      {func(t *testing.T, s *shop, _ *client.Lockfile, _ *client.Store) { s.gone(t, "acme/other", "1.0.0") }, "acme/other 1.0.0 (sha256:", "acme/lib 1.0.0, acme/tool 1.0.0"},
		"a plugin is gone":       {func(t *testing.T, s *shop, _ *client.Lockfile, _ *client.Store) { s.forget(t, "acme/other") }, "is gone from the catalog", "acme/lib 1.0.0, acme/tool 1.0.0"},
		"what is needed is gone": {func(t *testing.T, s *shop, _ *client.Lockfile, _ *client.Store) { s.gone(t, "acme/lib", "1.0.0") }, "acme/lib 1.0.0 (sha256:", "acme/other 1.0.0"},
		"a version is blocked":   {func(t *testing.T, s *shop, _ *client.Lockfile, _ *client.Store) { s.block(t, "acme/tool", "1.0.0") }, "steals keys", "acme/other 1.0.0"},
		"all versions are blocked": {func(t *testing.T, s *shop, _ *client.Lockfile, _ *client.Store) {
			s.block(t, "acme/tool", "1.0.0")
			s.block(t, "acme/tool", "1.1.0")
		}, "steals keys", "acme/other 1.0.0"},
		"the lock lacks what it needs": {func(_ *testing.T, _ *shop, l *client.Lockfile, _ *client.Store) {
			l.Resolved = slices.DeleteFunc(l.Resolved, func(r client.LockedPlugin) bool { return r.ID == "acme/lib" })
		}, "acme/lib 1.1.0 (sha256:", "acme/lib 1.1.0, acme/other 1.0.0, acme/tool 1.0.0"},
		"the store has more": {func(t *testing.T, _ *shop, _ *client.Lockfile, store *client.Store) { install(t, store, "acme/more") }, "acme/more 1.0.0 (sha256:", "acme/lib 1.0.0, acme/more 1.0.0, acme/other 1.0.0, acme/tool 1.0.0"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s, l := lockedShop(t)
			store := openStore(t, s, t.TempDir())
			row.harm(t, s, l, store)
			before := active(t, store)
			_, err := store.InstallLocked(t.Context(), l, client.LockedOptions{Frozen: true})
			if !errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("frozen: %v", err)
			}
			if got := active(t, store); got != before {
				t.Errorf("a refusal changed %s", got)
			}
			c := installLocked(t, store, l, client.LockedOptions{})
			got := strings.Split(active(t, store), ", ")
			slices.Sort(got)
			if strings.Join(got, ", ") != row.left {
				t.Errorf("installed %q", got)
			}
			if held := !strings.Contains(row.left, "acme/tool 1.0.0") || !strings.Contains(row.left, "acme/other 1.0.0"); held != (len(c.Held) == 1) {
				t.Errorf("held %+v", c.Held)
			}
		})
	}
}

// Proves D2: where nothing of a lock file can be had, nothing is a success.
func TestALockOfNothingThatIsThere_D2(t *testing.T) {
	t.Parallel()
	s, l := lockedShop(t)
	s.gone(t, "acme/other", "1.0.0")
	s.gone(t, "acme/tool", "1.0.0")
	store := openStore(t, s, t.TempDir())
	_, err := store.InstallLocked(t.Context(), l, client.LockedOptions{})
	if !errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), "acme/other 1.0.0") || !strings.Contains(err.Error(), "acme/tool 1.0.0") {
		t.Errorf("got %v", err)
	}
	s.lies(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "no", http.StatusBadGateway)
	})
	if _, err := store.InstallLocked(t.Context(), l, client.LockedOptions{}); err == nil || errors.Is(err, artifact.ErrConflict) {
		t.Errorf("a catalog that could not be asked: %v", err)
	}
}

// Proves that the way out that a lost state names is one: the lock file of the
// store brings back what was active.
func TestTheLockFileBringsBackALostStore(t *testing.T) {
	t.Parallel()
	for title, harm := range map[string]func(dir string) error{
		"damaged": func(dir string) error { return os.WriteFile(filepath.Join(dir, "state.json"), []byte("{"), 0o644) },
		"cut":     func(dir string) error { return os.Truncate(filepath.Join(dir, "state.json"), 100) },
		"changed": func(dir string) error { return edit(filepath.Join(dir, "state.json"), "acme/tool", "acme/toll") },
		"gone":    func(dir string) error { return os.Remove(filepath.Join(dir, "state.json")) },
		"gone with all content": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "state.json")), os.RemoveAll(filepath.Join(dir, "content")))
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s, l := lockedShop(t)
			dir := t.TempDir()
			installLocked(t, openStore(t, s, dir), l, client.LockedOptions{})
			if err := harm(dir); err != nil {
				t.Fatal(err)
			}
			_, err := client.OpenStore(dir, client.StoreOptions{})
			own := filepath.Join(dir, "oarlock-lock.json")
			if !errors.Is(err, client.ErrLost) || kinds(err) != "unverified" || !strings.Contains(err.Error(), "oarlock install --lock \""+own+"\"") {
				t.Fatalf("opening it: %v", err)
			}
			if l, err = client.ReadLockfile(own); err != nil {
				t.Fatal(err)
			}
			store := openStore(t, s, dir, func(o *client.StoreOptions) { o.Recover = true })
			if _, err := store.Install(t.Context(), index.Want{ID: "acme/more"}); !errors.Is(err, client.ErrLost) {
				t.Errorf("install without a lock file: %v", err)
			}
			s.lies(func(w http.ResponseWriter, r *http.Request, honest http.Handler) { // it is cut after some content came
				if strings.HasPrefix(r.URL.Path, "/v2/acme/tool/") {
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				honest.ServeHTTP(w, r)
			})
			if _, err := store.InstallLocked(t.Context(), l, client.LockedOptions{Frozen: true}); err == nil {
				t.Error("a registry that refuses")
			}
			if _, err := client.OpenStore(dir, client.StoreOptions{}); !errors.Is(err, client.ErrLost) {
				t.Errorf("after a try that failed it is lost as before: %v", err)
			}
			s.lies(nil)
			if c := installLocked(t, store, l, client.LockedOptions{Frozen: true}); !c.Recovered || len(c.Changed) != 3 {
				t.Errorf("changed %+v", c)
			}
			got := strings.Split(active(t, openStore(t, s, dir)), ", ")
			slices.Sort(got)
			if strings.Join(got, ", ") != "acme/lib 1.0.0, acme/other 1.0.0, acme/tool 1.0.0" {
				t.Errorf("brought back %q", got)
			}
			if c := installLocked(t, store, l, client.LockedOptions{Frozen: true}); c.Recovered || len(c.Changed) != 0 {
				t.Errorf("again: %+v", c)
			}
		})
	}
}

// What lies behind a link that took the place of the content is not touched by
// bringing a store back either.
func TestBringingBackFollowsNoLink(t *testing.T) {
	t.Parallel()
	s, l := lockedShop(t)
	dir, elsewhere := t.TempDir(), t.TempDir()
	installLocked(t, openStore(t, s, dir), l, client.LockedOptions{})
	if err := errors.Join(os.Remove(filepath.Join(dir, "state.json")), os.RemoveAll(filepath.Join(dir, "content")), os.Symlink(elsewhere, filepath.Join(dir, "content"))); err != nil {
		t.Fatal(err)
	}
	store := openStore(t, s, dir, func(o *client.StoreOptions) { o.Recover = true })
	if _, err := store.InstallLocked(t.Context(), l, client.LockedOptions{}); !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("got %v", err)
	}
	if there, err := os.ReadDir(elsewhere); err != nil || len(there) > 0 {
		t.Errorf("behind the link: %v, %v", there, err)
	}
}

// Proves D2: what a lock file holds and the catalog does not give any more stays
// as it is where it is installed, whatever newer version would fit.
func TestWhatIsInstalledByALockNeverMovesToAnother_D2(t *testing.T) {
	t.Parallel()
	for title, withdraw := range map[string]func(*testing.T, *shop){
		"a root that is gone":       func(t *testing.T, s *shop) { s.gone(t, "acme/other", "1.0.0") },
		"a root that is blocked":    func(t *testing.T, s *shop) { s.block(t, "acme/tool", "1.0.0") },
		"what a root needs is gone": func(t *testing.T, s *shop) { s.gone(t, "acme/lib", "1.0.0") },
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s, l := lockedShop(t)
			store := openStore(t, s, t.TempDir())
			installLocked(t, store, l, client.LockedOptions{})
			before := active(t, store)
			withdraw(t, s)
			c, err := store.InstallLocked(t.Context(), l, client.LockedOptions{})
			if err != nil || len(c.Changed) != 0 || len(c.Held) == 0 {
				t.Errorf("%+v, %v", c, err)
			}
			sorted := func(all string) []string { return slices.Sorted(slices.Values(strings.Split(all, ", "))) }
			if after := active(t, store); !slices.Equal(sorted(after), sorted(before)) {
				t.Errorf("%s became %s", before, after)
			}
		})
	}
}

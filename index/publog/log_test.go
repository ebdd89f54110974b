package publog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// A record is what is remembered beside the registry's bytes.
type record struct {
	mu   sync.Mutex
	have string
	all  []string // every checkpoint that was remembered, in order
	fail error    // after it was written
	tail string
}

func (r *record) swapTail(_ context.Context, change func([]byte) ([]byte, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := change([]byte(r.tail))
	if err == nil {
		r.tail = string(next)
	}
	return err
}

func (r *record) swap(_ context.Context, change func([]byte) ([]byte, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := change([]byte(r.have))
	if err != nil {
		return err
	}
	r.have = string(next)
	r.all = append(r.all, r.have)
	return r.fail
}

func opened(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func options(s publog.Store, r *record) publog.Options {
	return publog.Options{Store: s, Secret: []byte("secret of a site"), Host: "plugins.example.org", Record: r.swap, Tail: r.swapTail, Log: slog.New(slog.DiscardHandler)}
}

func logOf(t *testing.T, o publog.Options) *publog.Log {
	t.Helper()
	l, err := publog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func published(n int) publog.Event {
	return publog.Event{Kind: publog.Published, Plugin: "acme/hello", Version: fmt.Sprintf("1.%d.0", n), Digest: digest.FromString(fmt.Sprint(n)), At: noon.Add(time.Duration(n) * time.Second)}
}

// write notes events from one on to another, and shows a checkpoint of them.
func write(t *testing.T, l *publog.Log, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		l.Note(published(n))
	}
	if err := l.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// fetch asks the handler of a log, as a reader does.
func fetch(l *publog.Log) publog.Fetch {
	h := l.Handler(func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusNotFound)
	})
	return func(ctx context.Context, path string) ([]byte, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/log/"+path, nil))
		body, err := io.ReadAll(w.Result().Body)
		if w.Code != http.StatusOK {
			err = fmt.Errorf("%s: %d %s", path, w.Code, body)
		}
		return body, err
	}
}

// Proves G6: each event is one leaf, whenever and however often it is noted; each
// has a proof that holds offline, and the log as its readers see it is whole and
// extends what they saw before.
func TestTheLogGrowsAndProves_G6(t *testing.T) {
	t.Parallel()
	l := logOf(t, options(opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}))
	if _, c := l.Checkpoint(); c.N != 0 {
		t.Errorf("a new log has %d leaves", c.N)
	}
	seen := ""
	for size, to := range []int{0, 1, 2, 255, 256, 257, 700} {
		if size == 0 {
			continue
		}
		write(t, l, max(0, to-450), to) // many of them again
		v, err := publog.Verify(t.Context(), fetch(l), l.Verifier(), seen)
		if err != nil || v.Checkpoint.N != int64(to) {
			t.Fatalf("%d leaves: %d, %v", to, v.Checkpoint.N, err)
		}
		seen = v.Signed
	}
	for _, n := range []int{0, 255, 256, 511, 699} {
		p, err := l.Prove(t.Context(), published(n).Key())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := publog.ParseProof(p.String())
		if err != nil {
			t.Fatal(err)
		}
		e, c, err := parsed.Verify(l.Verifier())
		if err != nil || e != published(n) || c.N != 700 || parsed.Index != int64(n) {
			t.Errorf("proof of %d: %+v at %d of %d, %v", n, e, parsed.Index, c.N, err)
		}
		for what, edit := range map[string]func(string) string{
			"another index":      func(s string) string { return strings.Replace(s, "\nindex ", "\nindex 1", 1) },
			"a hash less":        func(s string) string { i := strings.Index(s, "\n\n"); return s[:i-45] + s[i:] },
			"another size":       func(s string) string { return strings.Replace(s, "\n700\n", "\n701\n", 1) },
			"no signature":       func(s string) string { return s[:strings.LastIndex(s, "— ")] },
			"another event":      func(s string) string { return strings.Replace(s, "\nextra A", "\nextra B", 1) + "" },
			"nothing but header": func(string) string { return "c2sp.org/tlog-proof@v1\n\n" },
		} {
			text := edit(p.String())
			if text == p.String() {
				continue
			}
			if q, err := publog.ParseProof(text); err == nil {
				if _, _, err = q.Verify(l.Verifier()); !errors.Is(err, artifact.ErrUnverified) {
					t.Errorf("%s: %v", what, err)
				}
			} else if !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Prove(ctx, published(9999).Key()); err == nil {
		t.Error("an event that never was has a proof")
	}
}

// Proves G6: what is public says nothing of a private plugin, not even to who
// guesses its name.
func TestNamesStayPrivate_G6(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "x.db"))
	l := logOf(t, options(s, &record{}))
	write(t, l, 0, 3)
	page, err := l.Page(t.Context(), "", 0, 3)
	if err != nil || len(page.Items) != 3 || string(page.Items[0].Salt) == string(page.Items[1].Salt) {
		t.Errorf("the salt of one proof opens other leaves: %+v, %v", page.Items, err)
	}
	other := options(opened(t, filepath.Join(t.TempDir(), "y.db")), &record{})
	other.Secret = []byte("another secret")
	guess := logOf(t, other)
	write(t, guess, 0, 3) // the same events
	for _, path := range []string{"checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"} {
		mine, err := fetch(l)(t.Context(), path)
		if err != nil || strings.Contains(string(mine), "hello") {
			t.Errorf("%s: %q, %v", path, mine, err)
		}
		if theirs, err := fetch(guess)(t.Context(), path); err != nil || string(theirs) == string(mine) {
			t.Errorf("%s is the same whatever the salt: %v", path, err)
		}
	}
}

// C2SP tlog-tiles: what is beyond the tree, and what is no path, is not found;
// tiles may be kept for ever, the checkpoint is asked for again.
func TestWhatIsServed_G6(t *testing.T) {
	t.Parallel()
	l := logOf(t, options(opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}))
	h := l.Handler(func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusNotFound)
	})
	get := func(method, path, none string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, "/log/"+path, nil)
		r.Header.Set("If-None-Match", none)
		h.ServeHTTP(w, r)
		return w
	}
	if w := get("GET", "checkpoint", ""); w.Code != http.StatusNotFound {
		t.Errorf("the checkpoint of nothing: %d", w.Code)
	}
	write(t, l, 0, 600)
	for path, want := range map[string]int{
		"tile/0/000": 200, "tile/0/000.p/255": 200, "tile/0/001": 200, "tile/0/002": 404, "tile/0/002.p/88": 200, "tile/0/002.p/89": 404,
		"tile/1/000.p/2": 200, "tile/1/000.p/3": 404, "tile/1/000": 404, "tile/2/000.p/1": 404, "tile/63/000.p/1": 404, "tile/64/000": 404,
		"tile/entries/000": 200, "tile/entries/002.p/88": 200, "tile/entries/002": 404, "tile/entries/x001/000": 404,
		"tile/0/0": 404, "tile/0/0000": 404, "tile/00/000": 404, "tile/0/000.p/0": 404, "tile/0/000.p/256": 404, "tile/0/-01": 404, "tile/0/x000/000": 404,
		"tile/0/x999/x999/x999/x999/x999/x999/x999/999": 404, "": 404, "tile": 404, "../secret": 404,
	} {
		if w := get("GET", path, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if c := get("GET", "tile/0/000", "").Header().Get("Cache-Control"); !strings.Contains(c, "immutable") {
		t.Errorf("tiles: %q", c)
	}
	w := get("GET", "checkpoint", "")
	if w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("checkpoint: %v", w.Header())
	}
	if again := get("GET", "checkpoint", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("the same checkpoint: %d", again.Code)
	}
	if w := get("POST", "checkpoint", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	if w := get("HEAD", "tile/0/000", ""); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "8192" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

// Proves G6: of two replicas over one database none signs another tree of a size
// than the other, whatever they do at once, and each follows the other.
func TestReplicasSignOneHistory_G6(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	r := &record{}
	replicas := []*publog.Log{logOf(t, options(opened(t, path), r)), logOf(t, options(opened(t, path), r))}
	var all sync.WaitGroup
	for i, l := range replicas {
		all.Go(func() {
			for n := range 60 {
				l.Note(published(n), published(1000*(i+1)+n))
				if err := l.Advance(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	write(t, replicas[0], 5000, 5001)
	trees := map[int64]string{}
	for _, text := range r.all {
		c, err := publog.OpenCheckpoint(text, replicas[0].Verifier())
		if err != nil {
			t.Fatal(err)
		}
		if was, ok := trees[c.N]; ok && was != text {
			t.Errorf("two checkpoints of %d leaves", c.N)
		}
		trees[c.N] = text
	}
	if _, err := publog.Verify(t.Context(), across(fetch(replicas[0]), fetch(replicas[1])), replicas[0].Verifier(), ""); err != nil {
		t.Errorf("a checkpoint of one, and tiles of the other, which is behind: %v", err)
	}
	for i, l := range replicas {
		if err := l.Advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v, err := publog.Verify(t.Context(), fetch(l), replicas[0].Verifier(), ""); err != nil || v.Checkpoint.N != 181 {
			t.Errorf("replica %d: %d leaves, want 181: %v", i, v.Checkpoint.N, err)
		}
	}
}

// across asks one replica for the checkpoint, and another for the rest.
func across(checkpoint, rest publog.Fetch) publog.Fetch {
	return func(ctx context.Context, path string) ([]byte, error) {
		if path == "checkpoint" {
			return checkpoint(ctx, path)
		}
		return rest(ctx, path)
	}
}

// Proves G6: a database that is lost, or is that of an earlier time, signs
// nothing and says so; the one that has it all goes on.
func TestALostDatabaseStopsTheLog_G6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	r := &record{}
	s := opened(t, path)
	l := logOf(t, options(s, r))
	write(t, l, 0, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copyTo(t, path, filepath.Join(dir, "earlier.db"))
	l = logOf(t, options(opened(t, path), r))
	write(t, l, 5, 9)
	last := r.have
	for _, name := range []string{"earlier.db", "new.db"} {
		o := options(opened(t, filepath.Join(dir, name)), r)
		behind := logOf(t, o)
		if err := behind.Stuck(); !errors.Is(err, publog.ErrBehind) {
			t.Errorf("%s: %v, want that it is behind", name, err)
		}
		behind.Note(published(77))
		if err := behind.Advance(t.Context()); !errors.Is(err, publog.ErrBehind) {
			t.Errorf("%s goes on: %v", name, err)
		}
		if text, _ := behind.Checkpoint(); text != "" || r.have != last {
			t.Errorf("%s: shown %q, remembered %q", name, text, r.have)
		}
	}
	write(t, l, 9, 10)
	if l.Stuck() != nil {
		t.Error(l.Stuck())
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Proves G6: an operator who makes a new history with the key of the old one is
// caught by whoever saw a checkpoint before.
func TestANewHistoryIsCaughtByWhoSawTheOld_G6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := &record{}
	l := logOf(t, options(opened(t, filepath.Join(dir, "x.db")), r))
	write(t, l, 0, 300)
	seen, was := l.Checkpoint()
	forged := opened(t, filepath.Join(dir, "forged.db"))
	head, err := opened(t, filepath.Join(dir, "x.db")).LogHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	empty := publog.Head{Origin: was.Origin}
	empty.Hash = emptyRoot(t)
	if err := forged.SwapLogHead(t.Context(), publog.Head{}, empty, nil); err != nil {
		t.Fatal(err)
	}
	again := logOf(t, options(forged, &record{}))
	write(t, again, 100, 420) // without the first hundred
	if _, err := publog.Verify(t.Context(), fetch(again), l.Verifier(), ""); err != nil {
		t.Fatalf("to who never saw the old one it is whole: %v", err)
	}
	for what, before := range map[string]string{"the last": seen, "in the database": head.Checkpoint} {
		if _, err := publog.Verify(t.Context(), fetch(again), l.Verifier(), before); !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("%s: %v", what, err)
		}
	}
	short := logOf(t, options(func() publog.Store {
		s := opened(t, filepath.Join(dir, "short.db"))
		_ = s.SwapLogHead(t.Context(), publog.Head{}, empty, nil)
		return s
	}(), &record{}))
	write(t, short, 0, 299)
	if _, err := publog.Verify(t.Context(), fetch(short), l.Verifier(), seen); !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), "taken away") {
		t.Errorf("a history that was cut: %v", err)
	}
}

// A crash between the record and the database is made up: nothing that was
// remembered is taken back.
func TestACrashBetweenRecordAndDatabase_G6(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	r := &record{}
	s := opened(t, path)
	l := logOf(t, options(s, r))
	write(t, l, 0, 3)
	r.fail = errors.New("killed")
	l.Note(published(3))
	if err := l.Advance(t.Context()); !errors.Is(err, r.fail) {
		t.Fatalf("got %v", err)
	}
	remembered := r.have
	r.fail = nil
	l = logOf(t, options(s, r))
	if text, c := l.Checkpoint(); text != remembered || c.N != 4 {
		t.Errorf("after the start: %d leaves, want the 4 that were remembered", c.N)
	}
	write(t, l, 4, 5)
	if v, err := publog.Verify(t.Context(), fetch(l), l.Verifier(), remembered); err != nil || v.Checkpoint.N != 5 {
		t.Errorf("%d leaves: %v", v.Checkpoint.N, err)
	}
}

package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
)

// remembering is a witness that cosigns the first checkpoint that it sees and those of
// the trees that it is told of: it answers what extends nothing that it saw with the
// size that it saw, as C2SP tlog-witness says.
func remembering(t *testing.T, name string) (at, key string) {
	t.Helper()
	trusts, key := cosigning(t, name)
	var mu sync.Mutex
	size, root := "0", ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		old, _, _ := strings.Cut(strings.TrimPrefix(string(raw), "old "), "\n")
		_, signed, _ := strings.Cut(string(raw), "\n\n")
		lines := strings.SplitN(signed, "\n", 4)
		if old != size || lines[1] == size && lines[2] != root {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			http.Error(w, size, http.StatusConflict)
			return
		}
		size, root = lines[1], lines[2]
		r.Body = io.NopCloser(strings.NewReader(string(raw)))
		trusts.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/w1", key
}

// Proves G6: an operator with the key of the site who writes another history, and
// makes the database and the record agree on it, is found out by a client that saw an
// earlier checkpoint, by a witness, whom a new client asks, and by the server itself,
// where the registry still carries the log that was.
func TestARewrittenHistoryIsCaught_G6(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func([]publog.Event) []publog.Event{
		"an event is another": func(e []publog.Event) []publog.Event { e[1].Version = "6.6.6"; return e },
		"an event is dropped": func(e []publog.Event) []publog.Event { return append(e[:1], e[2:]...) },
		"two are reordered":   func(e []publog.Event) []publog.Event { e[1], e[2] = e[2], e[1]; return e },
	} {
		for _, copied := range []bool{true, false} {
			what := name + ", the registry has no copy"
			if copied {
				what = name + ", the registry has a copy"
			}
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				rewritten(t, forge, copied)
			})
		}
	}
}

func rewritten(t *testing.T, forge func([]publog.Event) []publog.Event, copied bool) {
	at, key := remembering(t, "witness.example.org/w1")
	var notice strings.Builder
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	c.Log.Witnesses = []config.LogWitness{{Key: key, URL: at}}
	s, stop := startBy(t, c, options(&notice))
	admin := tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		publish(t, s, admin, `{"id": "acme/hello", "version": "`+v+`", "engines": {"acme-editor": "*"}}`)
		if status, text := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/"+v+"/proof"); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	if err := s.engines.carrier.Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.index.publog.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := wholeLog(t, s, "")
	by, err := publog.NewVerifier(seenKey(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	rewrite(t, c, forge)
	if !copied {
		if err := os.RemoveAll(filepath.Join(c.Data, "registry/docker/registry/v2/repositories/oarlock/log")); err != nil {
			t.Fatal(err)
		}
	}
	s, _ = start(t, c)

	fetch := func(_ context.Context, path string) ([]byte, error) {
		_, body := textOf(t, s, "", "GET", "/log/"+path)
		return []byte(body), nil
	}
	if _, err := publog.Verify(t.Context(), fetch, by, seen.Signed); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("a client that saw an earlier checkpoint: %v", err)
	}
	q, err := publog.NewQuorum([]string{key}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publog.VerifyWitnessed(t.Context(), fetch, by, q); !errors.Is(err, publog.ErrNotCosigned) {
		t.Errorf("a new client that asks the witness: %v", err)
	}
	if err := s.index.publog.Cosign(t.Context()); err == nil {
		t.Error("the witness cosigned another history")
	}
	if l := ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200); l.Witnesses[0].Problem == "" {
		t.Error("nobody says that the witness did not cosign")
	}
	// what was dropped is found again, and becomes a leaf in another place
	if err := s.index.publog.Advance(t.Context()); err != nil && s.index.publog.Stuck() == nil {
		t.Error(err)
	}
	if err := s.engines.carrier.Carry(t.Context()); copied && !errors.Is(err, publog.ErrBroken) && s.index.publog.Stuck() == nil {
		t.Errorf("the server, whose registry carries the log that was: %v", err)
	}
	ask[index.VersionDetail](t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.1.0", nil, 200)
	if status, text := textOf(t, s, "", "GET", "/v2/acme/hello/manifests/1.0.0"); status != 200 {
		t.Errorf("a pull: %d %s", status, text)
	}
}

// rewrite makes the database and the record of a site that is stopped agree on
// another history, which the key of the site signs.
func rewrite(t *testing.T, c config.Config, forge func([]publog.Event) []publog.Event) {
	t.Helper()
	db, err := store.Open(t.Context(), c.DatabaseURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	leaves, err := db.Leaves(t.Context(), publog.LeafQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var events []publog.Event
	for _, one := range leaves {
		e, err := publog.ReadEvent(one.Event)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	head, err := db.LogHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	none, err := tlog.TreeHash(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.ReplaceLog(t.Context(), head, publog.Head{Origin: head.Origin, Tree: tlog.Tree{Hash: none}}, nil, nil); err != nil {
		t.Fatal(err)
	}
	key, err := config.PlatformKey(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.Data, "registry/oarlock/records/publication-log")
	var record []byte
	l, err := publog.Open(t.Context(), publog.Options{Store: db, Secret: secret, Host: "forged", Log: slog.New(slog.DiscardHandler),
		Record: func(_ context.Context, change func([]byte) ([]byte, error)) (err error) {
			next, err := change(record)
			if err == nil {
				record = next
			}
			return err
		},
		Tail: func(context.Context, func([]byte) ([]byte, error)) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	l.Note(forge(events)...)
	if err := l.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, record, 0o600); err != nil {
		t.Fatal(err)
	}
}

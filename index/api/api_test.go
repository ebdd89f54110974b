package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
)

// site is a served API over a catalog made in code.
type site struct {
	*httptest.Server
	api    *api.Server
	live   *catalog.Live
	engine *engine
	ready  error
	sees   func(context.Context) (catalog.Visibility, error)
	clock  time.Time
}

// engine answers for what is not in a snapshot.
type engine struct {
	readme   string
	failWith error
	promoted index.Promotion
}

func (e *engine) Promote(_ context.Context, id artifact.Name, v artifact.Version, channel string) (index.Promotion, error) {
	e.promoted = index.Promotion{ID: id.String(), Channel: channel, Version: v.String(), Digest: "sha256:new"}
	return e.promoted, e.failWith
}

func (e *engine) RemoveChannel(_ context.Context, id artifact.Name, channel string) (index.RemovedChannel, error) {
	return index.RemovedChannel{ID: id.String(), Channel: channel, Before: "sha256:old"}, e.failWith
}

func (e *engine) Rebuild(context.Context, bool) (index.Rebuilt, error) {
	if e.failWith != nil && e.failWith.Error() == "panic" {
		panic("boom")
	}
	return index.Rebuilt{Agrees: true}, e.failWith
}

func (e *engine) Collect(_ context.Context, dryRun bool, item func(index.Garbage)) (index.Collection, error) {
	item(index.Garbage{Repository: "acme/hello", Digest: "sha256:00", Kind: "blob", Size: 3, Decision: "remove", Reason: "nothing reaches it"})
	return index.Collection{DryRun: dryRun, Repositories: 1, BlobsRemoved: 1, BytesFreed: 3, Damaged: []index.Damage{}}, e.failWith
}

func (e *engine) Fsck(_ context.Context, report func(index.Damage)) error {
	report(index.Damage{Path: "/blobs/x", What: "its bytes differ"})
	return e.failWith
}

func (e *engine) Config(context.Context, artifact.Name, *catalog.Version) (*artifact.Plugin, error) {
	return &artifact.Plugin{Readme: e.readme}, e.failWith
}

const adminToken = "letmein"

func newSite(t *testing.T, plugins ...catalog.Plugin) *site {
	t.Helper()
	s := &site{engine: &engine{readme: "# Hello"}, sees: api.EverythingUnsafe, clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s.live = catalog.NewLive(catalog.LiveOptions{Now: func() time.Time { return s.clock }})
	s.swap(t, plugins...)
	metrics := prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	s.api = api.New(api.Options{
		Live: s.live, Engine: s.engine, Ready: func() error { return s.ready }, MaxBody: 4096, Log: log, Metrics: metrics, Version: "test",
		Visibility: func(ctx context.Context) (catalog.Visibility, error) { return s.sees(ctx) },
		Identify:   api.AnybodyUnsafe,
		Authorize: func(ctx context.Context, _ api.Action, _ string) error {
			if ctx.Value(tokenKey{}) != "Bearer "+adminToken {
				return index.NewProblem(index.CodeUnauthorized, "no token")
			}
			return nil
		},
	})
	s.Server = httptest.NewServer(identified(log, authenticated(s.api)))
	t.Cleanup(func() { s.api.Drain(); s.Close() })
	return s
}

// visibility says what callers may know of; it is set before anybody asks.
func (s *site) visibility(sees func(context.Context) (catalog.Visibility, error)) { s.sees = sees }

// identified stands for what gives requests their ids and answers panics.
func identified(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := cmp.Or(r.Header.Get(index.RequestIDHeader), "0123456789abcdef")
		w.Header().Set(index.RequestIDHeader, id)
		defer func() {
			if v := recover(); v != nil {
				log.Error("panic", "panic", v)
				api.RefuseInternal(w, id)
			}
		}()
		next.ServeHTTP(w, r.WithContext(api.InRequest(r.Context(), id, log)))
	})
}

type tokenKey struct{}

// authenticated stands before the API and says who asks.
func authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, r.Header.Get("Authorization"))))
	})
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (s *site) swap(t *testing.T, plugins ...catalog.Plugin) {
	t.Helper()
	if _, err := s.live.Swap(s.live.Current().Snapshot.With(plugins, nil)); err != nil {
		t.Fatal(err)
	}
}

// plugin makes one whose versions all name the host acme-editor, newest last:
// "1.0.0 >=1 <2".
func plugin(t *testing.T, id string, versions ...string) catalog.Plugin {
	t.Helper()
	name, err := artifact.ParseName(id)
	if err != nil {
		t.Fatal(err)
	}
	p := catalog.Plugin{ID: name}
	for _, line := range versions {
		text, engine, _ := strings.Cut(line, " ")
		v, err := artifact.ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		host, err := artifact.ParseHostID("acme-editor")
		if err != nil {
			t.Fatal(err)
		}
		r, err := artifact.ParseRange(engine)
		if err != nil {
			t.Fatal(err)
		}
		p.Versions = append(p.Versions, catalog.Version{
			Version: v, Digest: digest.FromString(id + text), MediaType: "application/vnd.oci.image.manifest.v1+json", ArtifactType: artifact.TypePlugin,
			Config: digest.FromString("config"), Signature: index.Signature{Status: index.SignatureVerified},
			Plugin: &artifact.Plugin{ID: name, Version: v, Title: name.Plugin(), Description: strings.Repeat("says hello to the editor. ", 8),
				Engines: map[artifact.HostID]artifact.Range{host: r}, Categories: []string{"tools"}},
		})
	}
	return p
}

type reply struct {
	*http.Response
	body []byte
}

func (s *site) do(t *testing.T, method, path, body string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp, raw}
}

func read[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%s: %v in %s", r.Request.URL, err, r.body)
	}
	return v
}

var (
	errBroken = errors.New("disk on fire")
	errPanic  = errors.New("panic")
)

package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// web asks the servers of the tests. Whoever closes an httptest.Server closes the
// idle connections of http.DefaultTransport, those of other tests among them.
var web = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

// repository is that of a plugin, asked by web.
func (s *shop) repository(t testing.TB, id string) *remote.Repository {
	t.Helper()
	repo, err := remote.NewRepository(s.host + "/" + id)
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP, repo.Client = true, &auth.Client{Client: web}
	return repo
}

// A shop is a server with the real registry, a catalog of what was published
// to it, and the real API. Its lie stands between it and every client.
type shop struct {
	url, host string
	live      *catalog.Live
	mu        sync.Mutex
	lie       func(w http.ResponseWriter, r *http.Request, honest http.Handler)
	asked     []string
}

func newShop(t testing.TB, change ...func(*api.Options)) *shop {
	t.Helper()
	registry := registrytest.New(t, registrytest.InMemory())
	s := &shop{live: catalog.NewLive(catalog.LiveOptions{})}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	o := api.Options{Live: s.live, Engine: noEngine{}, Ready: func() error { return nil }, Visibility: api.EverythingUnsafe,
		Authorize: func(context.Context, api.Action, string) error { return artifact.ErrDenied }, Log: log}
	for _, do := range change {
		do(&o)
	}
	apis := api.New(o)
	honest := http.NewServeMux()
	honest.Handle("/v2/", registry)
	honest.Handle("/", apis)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		lie := s.lie
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		if lie != nil {
			lie(w, r, honest)
			return
		}
		honest.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(apis.Drain)
	s.url, s.host = server.URL, strings.TrimPrefix(server.URL, "http://")
	return s
}

// lies makes the server lie from now on; nil makes it honest.
func (s *shop) lies(lie func(w http.ResponseWriter, r *http.Request, honest http.Handler)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lie, s.asked = lie, nil
}

func (s *shop) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

type noEngine struct{}

func (noEngine) RemoveChannel(context.Context, artifact.Name, string) (index.RemovedChannel, error) {
	return index.RemovedChannel{}, nil
}

func (noEngine) Promote(context.Context, artifact.Name, artifact.Version, string) (index.Promotion, error) {
	return index.Promotion{}, errors.ErrUnsupported
}

func (noEngine) Rebuild(context.Context, bool) (index.Rebuilt, error) {
	return index.Rebuilt{}, errors.ErrUnsupported
}
func (noEngine) Collect(context.Context, bool, func(index.Garbage)) (index.Collection, error) {
	return index.Collection{}, errors.ErrUnsupported
}
func (noEngine) Fsck(context.Context, func(index.Damage)) error { return errors.ErrUnsupported }
func (noEngine) Config(context.Context, artifact.Name, *catalog.Version) (*artifact.Plugin, error) {
	return nil, artifact.ErrNotFound
}

// A release is what a test publishes: plugin.json without id and version, and
// files beside it.
type release struct {
	plugin map[string]any
	files  map[string]string
}

// publish packs, pushes and lists one version, and gives its digest.
func (s *shop) publish(t testing.TB, id, version string, r release) digest.Digest {
	t.Helper()
	dir := t.TempDir()
	plugin := map[string]any{"id": id, "version": version, "name": id, "engines": map[string]string{"acme-editor": ">=1 <4"}}
	for k, v := range r.plugin {
		plugin[k] = v
	}
	raw, err := json.Marshal(plugin)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"plugin.json": string(raw), "main.txt": id + " " + version}
	for name, text := range r.files {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	packed, err := pack.Dir(t.Context(), dir, pack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.push(t, id, version, packed.Store, packed.Root)
	s.list(t, packed.Store, packed.Root)
	return packed.Root.Digest
}

func (s *shop) push(t testing.TB, id, tag string, from content.ReadOnlyStorage, root ocispec.Descriptor) {
	t.Helper()
	repo := s.repository(t, id)
	if err := oras.CopyGraph(t.Context(), from, repo, root, oras.DefaultCopyGraphOptions); err != nil {
		t.Fatal(err)
	}
	if err := repo.Tag(t.Context(), root, tag); err != nil {
		t.Fatal(err)
	}
}

// smuggle copies a version into the repository of another plugin, by digest,
// which a registry takes.
func (s *shop) smuggle(t *testing.T, from, to string, d digest.Digest) {
	t.Helper()
	var repos [2]*remote.Repository
	for n, id := range []string{from, to} {
		repos[n] = s.repository(t, id)
	}
	root, err := repos[0].Resolve(t.Context(), d.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := oras.CopyGraph(t.Context(), repos[0], repos[1], root, oras.DefaultCopyGraphOptions); err != nil {
		t.Fatal(err)
	}
}

// list puts a version into the catalog.
func (s *shop) list(t testing.TB, from content.ReadOnlyStorage, root ocispec.Descriptor) {
	t.Helper()
	fetch := func(ctx context.Context, d ocispec.Descriptor) ([]byte, error) { return content.FetchAll(ctx, from, d) }
	raw, err := fetch(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	c, err := artifact.ReadContent(t.Context(), root.MediaType, raw, fetch)
	if err != nil {
		t.Fatal(err)
	}
	v := catalog.Version{Version: c.Plugin.Version, Digest: root.Digest, MediaType: root.MediaType, ArtifactType: artifact.TypePlugin,
		Size: c.Size, Plugin: c.Plugin, Builds: c.Builds, Signature: index.Signature{Status: index.SignatureVerified}}
	s.change(t, c.Plugin.ID.String(), func(p *catalog.Plugin) { p.Versions = append(p.Versions, v) })
}

// change changes what the catalog says of one plugin.
func (s *shop) change(t testing.TB, id string, with func(*catalog.Plugin)) {
	t.Helper()
	snapshot := s.live.Current().Snapshot
	next := catalog.Plugin{ID: name(t, id)}
	if have, ok := snapshot.Plugin(next.ID); ok {
		next = *have
		next.Versions = append([]catalog.Version(nil), have.Versions...)
	}
	with(&next)
	if _, err := s.live.Swap(snapshot.With([]catalog.Plugin{next}, nil)); err != nil {
		t.Fatal(err)
	}
}

// forget takes a plugin out of the catalog.
func (s *shop) forget(t testing.TB, id string) {
	t.Helper()
	if _, err := s.live.Swap(s.live.Current().Snapshot.With(nil, []artifact.Name{name(t, id)})); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(s.url, client.Options{UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// trusting verifies every version but those whose digest is named.
type trusting struct {
	mu     sync.Mutex
	denied map[digest.Digest]bool
	saw    []client.Subject
}

func (v *trusting) Verify(_ context.Context, s client.Subject) (index.Signature, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.saw = append(v.saw, s)
	if v.denied[s.Descriptor.Digest] {
		return index.Signature{Status: index.SignatureUnsigned}, nil
	}
	return index.Signature{Status: index.SignatureVerified, Signer: "acme"}, nil
}

func newPuller(t testing.TB, set ...func(*client.PullOptions)) *client.Puller {
	t.Helper()
	o := client.PullOptions{Verifier: &trusting{}, HTTPClient: web, Platform: platform(t, "linux/amd64"),
		Credential: func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }}
	for _, f := range set {
		f(&o)
	}
	p, err := client.NewPuller(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func name(t testing.TB, s string) artifact.Name {
	t.Helper()
	id, err := artifact.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func platform(t testing.TB, s string) artifact.Platform {
	t.Helper()
	p, err := artifact.ParsePlatform(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tree is every file below dir with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func kinds(err error) string {
	for text, kind := range map[string]error{"invalid": artifact.ErrInvalid, "not found": artifact.ErrNotFound,
		"conflict": artifact.ErrConflict, "denied": artifact.ErrDenied, "unverified": artifact.ErrUnverified} {
		if errors.Is(err, kind) {
			return text
		}
	}
	return fmt.Sprintf("no kind (%v)", err)
}

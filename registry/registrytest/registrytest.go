// Package registrytest gives tests the real registry in-process: the whole
// gate and storage of package registry behind a server on loopback.
package registrytest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage"
)

// Server is a running registry.
type Server struct {
	*Opened
	// URL is http://127.0.0.1:<port>, Host the part after the scheme, as an
	// OCI reference begins.
	URL, Host string
}

// Options are those of the storage, the blocks and the registry in one. Whoever
// is told of what the storage withholds is told by the blocks too.
type Options struct {
	registry.Options
	Keeping
	// Announce is that of block.Options.
	Announce func(ctx context.Context, notice []byte) error
	// RepairFrom are the origins of integrity.New.
	RepairFrom []integrity.Origin
}

// Keeping are the options of the storage.
type Keeping = storage.Options

// An Option changes how the registry is opened.
type Option func(*Options)

// Opened is a registry with what it stands on, and with what checks that.
type Opened struct {
	*registry.Registry
	Storage *storage.Storage
	Blocks  *block.Blocks
	Checks  *integrity.Checker
}

// Close closes all of it.
func (o *Opened) Close() error {
	err := o.Registry.Close()
	o.Blocks.Close()
	return errors.Join(err, o.Storage.Close())
}

// Open opens a registry as New does, without a server, for the caller to close.
func Open(ctx context.Context, options ...Option) (*Opened, error) {
	o := Options{Options: registry.Options{Guards: registry.AdmitAllUnsafe()}}
	for _, set := range options {
		set(&o)
	}
	s, err := storage.Open(ctx, o.Keeping)
	if err != nil {
		return nil, err
	}
	b, err := block.Open(ctx, s, block.Options{Announce: o.Announce, Withholds: o.Withholds})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	reg, err := registry.New(s, b, o.Options)
	if err != nil {
		b.Close()
		return nil, errors.Join(err, s.Close())
	}
	return &Opened{reg, s, b, integrity.New(s, o.RepairFrom)}, nil
}

// InMemory keeps everything in memory instead of a temporary directory.
func InMemory() Option {
	return func(o *Options) { o.Driver, o.Dir = "inmemory", "" }
}

// Dir keeps everything in dir, so that a test can open it again.
func Dir(dir string) Option { return func(o *Options) { o.Dir = dir } }

// Free frees the namespaces with the given prefixes from all tag rules.
func Free(prefixes ...string) Option {
	m := map[string]registry.Settings{}
	for _, p := range prefixes {
		m[p] = registry.Settings{FreeTags: true}
	}
	return func(o *Options) { o.Namespaces = registry.Prefixes(m) }
}

// Sink sends the registry's events to s.
func Sink(s registry.Sink) Option { return func(o *Options) { o.Sink = s } }

// With sets any other option, each guard of registry.Guards among them.
func With(set func(*Options)) Option { return set }

// New starts a registry that the test's end stops. Without options it is on
// the filesystem, in a temporary directory, and its guards admit everything.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	first := func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil)) }
	last := func(o *Options) {
		if o.Driver == "" && o.Dir == "" {
			o.Dir = t.TempDir()
		}
	}
	reg, err := Open(t.Context(), append(append([]Option{first}, options...), last)...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.Handler(reg))
	t.Cleanup(func() {
		// Not server.Close: it takes the idle connections of everybody's default
		// transport along, and with them requests of tests beside this one.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if server.Config.Shutdown(ctx) != nil {
			server.Config.Close()
		}
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Server{Opened: reg, URL: server.URL, Host: strings.TrimPrefix(server.URL, "http://")}
}

// ReplaceAsProcess sets a tag as the process, where it still means was.
func (s *Server) ReplaceAsProcess(ctx context.Context, repo, tag, mediaType string, content []byte, was digest.Digest) error {
	_, err := s.Registry.Replace(registry.AsProcess(ctx), repo, tag, mediaType, content, was)
	return err
}

// ProcessTransport calls the registry with no socket, and every request is the
// process's own: what no request from a network can say of itself.
func (s *Server) ProcessTransport() http.RoundTripper {
	return registry.HandlerTransport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(registry.AsProcess(r.Context())))
	}))
}

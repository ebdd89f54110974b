package signed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// must unwraps a value that the test made itself.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pluginNamed is a plugin with some versions; step changes what they say.
func pluginNamed(id string, versions, step int) catalog.Plugin {
	name := must(artifact.ParseName(id))
	p := catalog.Plugin{ID: name, Channels: map[string]digest.Digest{}}
	for n := range versions {
		v := must(artifact.ParseVersion(fmt.Sprintf("1.%d.%d", n, step)))
		created := time.Date(2026, 1, 1+n, 0, 0, step, 0, time.UTC)
		d := digest.FromString(id + v.String())
		p.Versions = append(p.Versions, catalog.Version{
			Version: v, Digest: d, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypePlugin, Size: int64(1000 + n),
			Plugin: &artifact.Plugin{ID: name, Version: v, Title: "Plugin " + name.Plugin(), Description: "What " + id + " does, in a sentence of some length.",
				License: "Apache-2.0", Keywords: []string{name.Plugin(), "tools"}, Created: &created,
				Engines: map[artifact.HostID]artifact.Range{must(artifact.ParseHostID("acme-editor")): must(artifact.ParseRange(">=1 <3"))}},
			Builds:    []artifact.Build{{Digest: d}},
			Signature: index.Signature{Status: index.SignatureVerified, Signer: "acme", Format: "cosign-tag"},
		})
	}
	p.Channels["stable"] = p.Versions[0].Digest
	return p
}

func snapshotOf(plugins, versions int) *catalog.Snapshot {
	all := make([]catalog.Plugin, plugins)
	for n := range all {
		all[n] = pluginNamed(fmt.Sprintf("acme-%d/plugin-%d", n%17, n), versions, 0)
	}
	return catalog.Empty().With(all, nil)
}

// A site publishes into the real registry, by a clock of its own.
type site struct {
	t        testing.TB
	registry *registrytest.Server
	keys     *Keys
	keysDir  string
	repo     *remote.Repository
	pub      *Publisher
	live     *catalog.Live
	time     time.Time
}

func newSite(t testing.TB, options ...registrytest.Option) *site {
	t.Helper()
	s := &site{t: t, registry: registrytest.New(t, append([]registrytest.Option{registrytest.InMemory()}, options...)...), time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), keysDir: t.TempDir()}
	s.repo = must(remote.NewRepository("catalog.invalid/" + Repository))
	s.repo.PlainHTTP, s.repo.Client = true, &http.Client{Transport: s.registry.ProcessTransport()}
	s.keys = must(MakeKeys(s.keysDir, KeyOptions{Now: s.now}))
	s.live = catalog.NewLive(catalog.LiveOptions{Now: s.now})
	s.pub = s.publisher(s.keys)
	return s
}

func (s *site) now() time.Time { return s.time }

func (s *site) publisher(k *Keys) *Publisher {
	return NewPublisher(PublisherOptions{Public: EverythingUnsafe, To: s.repo, Keys: k, Now: s.now})
}

// publish makes next serve, if it is not nil, and publishes what serves.
func (s *site) publish(next *catalog.Snapshot) Published {
	s.t.Helper()
	if next != nil {
		if _, err := s.live.Swap(next); err != nil {
			s.t.Fatal(err)
		}
	}
	done, err := s.pub.Publish(s.t.Context(), s.live.Current())
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

func (s *site) pin() Pin { return must(PinRoot(s.keys.Root())) }

// reader opens the catalog as a host does, over the network.
func (s *site) reader(pin Pin, state string) (*Catalog, error) {
	return OpenRemote(s.t.Context(), s.registry.Host, client.RepositoryOptions{HTTPClient: web}, Options{Root: pin, State: state, Now: s.now})
}

// files are the layers of what the registry holds, by title.
func (s *site) files() map[string][]byte {
	s.t.Helper()
	out := map[string][]byte{}
	at := must(s.repo.Resolve(s.t.Context(), Tag))
	l := must(parseListing(must(content.FetchAll(s.t.Context(), s.repo, at))))
	for name, d := range l.files {
		out[name] = must(content.FetchAll(s.t.Context(), s.repo, d))
	}
	return out
}

// put makes the registry hold an artifact of these layers, as whoever can write
// to a mirror may.
func (s *site) put(files map[string][]byte) {
	s.t.Helper()
	ctx := s.t.Context()
	var layers []ocispec.Descriptor
	for name, raw := range files {
		d := layer(TypeMetadata, name, raw)
		layers = append(layers, d)
		s.push(ctx, d, raw)
	}
	s.push(ctx, ocispec.DescriptorEmptyJSON, []byte("{}"))
	slices.SortFunc(layers, byTitle)
	s.putManifest(must(manifestOf(layers, nil)))
}

func (s *site) putManifest(raw []byte) {
	s.t.Helper()
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digestOf(raw), Size: int64(len(raw))}
	if err := s.repo.PushReference(s.t.Context(), d, bytes.NewReader(raw), Tag); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) push(ctx context.Context, d ocispec.Descriptor, raw []byte) {
	s.t.Helper()
	if err := s.repo.Push(ctx, d, bytes.NewReader(raw)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		s.t.Fatal(err)
	}
}

func wantRefusal(t testing.TB, err error, code string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("error %v, expected a refusal %q", err, code)
	}
	if !errors.Is(err, artifact.ErrUnverified) || r.Detail == "" || r.Fix == "" {
		t.Errorf("%#v: expected a kind, what came and what to do", r)
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

package tenant

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
)

// must unwraps a value that the test made itself.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// kept is a store of desired states in memory. What else a Store keeps it has not.
type kept struct {
	Store
	mu       sync.Mutex
	hosts    map[string][]Host // by tenant
	installs map[string][]Install
	states   map[string]HostState // by tenant/host
	conflict int                  // how many of the next Puts lose
}

func (k *kept) OfTenant(id string) Rows { return keptRows{k: k, id: id} }

type keptRows struct {
	Rows
	k  *kept
	id string
}

func (r keptRows) Hosts() HostRows       { return keptHosts{r: r} }
func (r keptRows) Installs() InstallRows { return keptInstalls{r: r} }
func (r keptRows) States() StateRows     { return keptStates{r} }
func (r keptRows) Reports() ReportRows   { return keptReports{} }

type keptHosts struct {
	HostRows
	r keptRows
}

func (h keptHosts) Host(_ context.Context, name string) (Host, error) {
	h.r.k.mu.Lock()
	defer h.r.k.mu.Unlock()
	for _, one := range h.r.k.hosts[h.r.id] {
		if one.Name == name {
			return one, nil
		}
	}
	return Host{}, artifact.ErrNotFound
}

type keptInstalls struct {
	InstallRows
	r keptRows
}

func (i keptInstalls) List(_ context.Context, after artifact.Name, _ int) ([]Install, error) {
	i.r.k.mu.Lock()
	defer i.r.k.mu.Unlock()
	if !after.IsZero() {
		return nil, nil
	}
	return append([]Install(nil), i.r.k.installs[i.r.id]...), nil
}

type keptStates struct{ r keptRows }

func (s keptStates) State(_ context.Context, host string) (HostState, error) {
	s.r.k.mu.Lock()
	defer s.r.k.mu.Unlock()
	if h, has := s.r.k.states[s.r.id+"/"+host]; has {
		return h, nil
	}
	return HostState{}, artifact.ErrNotFound
}

func (s keptStates) Put(_ context.Context, h HostState) error {
	s.r.k.mu.Lock()
	defer s.r.k.mu.Unlock()
	at := s.r.id + "/" + h.Host
	if s.r.k.conflict > 0 || s.r.k.states[at].Revision != h.Revision {
		s.r.k.conflict--
		return artifact.ErrConflict
	}
	h.Revision++
	s.r.k.states[at] = h
	return nil
}

type keptReports struct{ ReportRows }

func (keptReports) Report(context.Context, string) (Report, error) {
	return Report{}, artifact.ErrNotFound
}

// online signs nothing, and says so by a key.
type online struct{ key int64 }

func (o *online) OnlineKey() int64 { return o.key }

func (o *online) SignOnline(_ string, payload []byte) ([]byte, int64, error) {
	return payload, o.key, nil
}

// everybody may do everything.
type everybody struct{ Rights }

func (everybody) May(context.Context, auth.Action, auth.Resource) error { return nil }

func (everybody) Can(context.Context, auth.Action, auth.Resource) (bool, error) { return true, nil }

// shelf is a catalog of a Live.
type shelf struct{ live *catalog.Live }

func (s shelf) Plugin(id artifact.Name) (*catalog.Plugin, bool) {
	return s.live.Current().Snapshot.Plugin(id)
}
func (s shelf) Current() error                                  { return nil }
func (s shelf) Generation() *catalog.Generation                 { return s.live.Current() }
func (s shelf) Subscribe() (<-chan *catalog.Generation, func()) { return s.live.Subscribe() }

// pluginOf is a plugin for acme-editor with some versions, the newest first, which
// depend on another where that has a name.
func pluginOf(id, needs string, versions ...string) catalog.Plugin {
	name := must(artifact.ParseName(id))
	p := catalog.Plugin{ID: name, Channels: map[string]digest.Digest{}}
	for _, text := range versions {
		v, d := must(artifact.ParseVersion(text)), digest.FromString(id+text)
		made := &artifact.Plugin{ID: name, Version: v, Engines: map[artifact.HostID]artifact.Range{must(artifact.ParseHostID("acme-editor")): must(artifact.ParseRange("*"))}}
		if needs != "" {
			made.Dependencies = []artifact.Dependency{{ID: must(artifact.ParseName(needs)), Range: must(artifact.ParseRange("^1"))}}
		}
		p.Versions = append(p.Versions, catalog.Version{Version: v, Digest: d, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypePlugin,
			Size: 1000, Plugin: made, Builds: []artifact.Build{{Digest: d}}})
	}
	return p
}

// noon is when tests begin.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// world is a Service over a store in memory, and what it asks.
type world struct {
	*Service
	kept *kept
	live *catalog.Live
	hand *clock.Hand
	key  *online
}

func newWorld(t testing.TB, plugins ...catalog.Plugin) *world {
	t.Helper()
	hand := clock.NewHand(noon)
	w := &world{kept: &kept{hosts: map[string][]Host{}, installs: map[string][]Install{}, states: map[string]HostState{}},
		live: catalog.NewLive(catalog.LiveOptions{Checks: []catalog.Check{}, Now: hand.Clock().Now}), hand: hand, key: &online{1}}
	w.serve(t, plugins...)
	w.Service = New(Options{Store: w.kept, Rights: everybody{}, Catalog: shelf{w.live}, Clock: hand.Clock(),
		Public:  func(context.Context, artifact.Name) (bool, error) { return true, nil },
		Desired: DesiredOptions{Signer: w.key, Grace: time.Hour}})
	return w
}

// serve has the catalog say other things of plugins.
func (w *world) serve(t testing.TB, plugins ...catalog.Plugin) {
	t.Helper()
	if _, err := w.live.Swap(w.live.Current().Snapshot.With(plugins, nil)); err != nil {
		t.Fatal(err)
	}
}

// host gives a tenant a host, and install a plugin.
func (w *world) host(tenant, name string) {
	w.kept.mu.Lock()
	defer w.kept.mu.Unlock()
	w.kept.hosts[tenant] = append(w.kept.hosts[tenant], Host{Name: name, Host: must(artifact.ParseHostID("acme-editor")),
		Version: must(artifact.ParseHostVersion("4.2")), Platform: must(artifact.ParsePlatform("linux/amd64"))})
}

func (w *world) install(tenant string, i Install) {
	w.kept.mu.Lock()
	defer w.kept.mu.Unlock()
	for n, one := range w.kept.installs[tenant] {
		if one.Plugin == i.Plugin {
			i.Revision = one.Revision + 1
			w.kept.installs[tenant][n] = i
			w.Moved(tenant)
			return
		}
	}
	i.Revision = 1
	w.kept.installs[tenant] = append(w.kept.installs[tenant], i)
	w.Moved(tenant)
}

func enabled(id string) Install { return Install{Plugin: must(artifact.ParseName(id)), Enabled: true} }

// filled is a world of tenants with as many installs and hosts each.
func filled(t testing.TB, tenants, installs, hosts int) *world {
	t.Helper()
	plugins := []catalog.Plugin{pluginOf("acme/base", "", "1.1.0", "1.0.0")}
	for n := range installs {
		plugins = append(plugins, pluginOf(fmt.Sprintf("acme/p%03d", n), "acme/base", "1.2.0", "1.1.0", "1.0.0"))
	}
	w := newWorld(t, plugins...)
	for n := range tenants {
		id := fmt.Sprintf("t%04d", n)
		for k := range installs {
			w.install(id, enabled(fmt.Sprintf("acme/p%03d", k)))
		}
		for k := range hosts {
			w.host(id, fmt.Sprintf("h%03d", k))
		}
	}
	return w
}

// asHost is a context in which a host asks.
func asHost(ctx context.Context, tenant, host string) context.Context {
	return auth.With(ctx, auth.Principal{Kind: auth.Host, Name: auth.HostName(tenant, host), Tenant: tenant, Host: host})
}

// ask is what a host is told.
func (w *world) ask(t testing.TB, tenant, host string, q index.DesiredQuery) index.Desired {
	t.Helper()
	d, err := w.Desired(asHost(t.Context(), tenant, host), tenant, host, q)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

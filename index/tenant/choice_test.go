package tenant

import (
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// helloOf is a plugin of these versions, the newest first, for any host.
func helloOf(t *testing.T, versions ...string) *catalog.Plugin {
	t.Helper()
	id, err := artifact.ParseName("acme/hello")
	if err != nil {
		t.Fatal(err)
	}
	p := &catalog.Plugin{ID: id, Channels: map[string]digest.Digest{}}
	for _, text := range versions {
		v, err := artifact.ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Versions = append(p.Versions, catalog.Version{Version: v, Digest: digest.FromString(text), Plugin: &artifact.Plugin{ID: id, Version: v}})
	}
	return p
}

// wasGiven is an install that was given a version last.
func wasGiven(p *catalog.Plugin, version string) Install {
	return Install{Plugin: p.ID, Enabled: true, Digest: digest.FromString(version).String(), Revision: 1}
}

func is(c choice) string {
	if c.version == nil {
		return c.code
	}
	return c.version.Version.String()
}

// TestWhatATenantHasOutlivesWhatCameAfterIt_I3_E3: a plugin that takes nobody new leaves
// a tenant at what it has, also where there is something newer by then.
func TestWhatATenantHasOutlivesWhatCameAfterIt_I3_E3(t *testing.T) {
	t.Parallel()
	moved := func(state index.PluginState, existing string) func(*catalog.Plugin) {
		return func(p *catalog.Plugin) {
			p.State, p.Moves = state, []index.Move{{State: state, Existing: existing, At: time.Unix(1, 0)}}
		}
	}
	had := func(p *catalog.Plugin) Install { return wasGiven(p, "1.0.0") }
	nothing := func(p *catalog.Plugin) Install { return Install{Plugin: p.ID, Enabled: true} }
	pinned := func(p *catalog.Plugin) Install {
		i := wasGiven(p, "1.0.0")
		i.Pin = p.Versions[0].Version
		return i
	}
	for name, row := range map[string]struct {
		state func(*catalog.Plugin)
		i     func(*catalog.Plugin) Install
		want  string
	}{
		"active, it goes on to the newest":        {func(*catalog.Plugin) {}, had, "1.1.0"},
		"suspended, it keeps what it has":         {moved(index.StateSuspended, "keep"), had, "1.0.0"},
		"removed, it keeps what it has":           {moved(index.StateRemoved, ""), had, "1.0.0"},
		"suspended and stopped, it is given none": {moved(index.StateSuspended, "stop"), had, index.CodeLifecycleBlocked},
		"suspended, who has none is given none":   {moved(index.StateSuspended, "keep"), nothing, index.CodeLifecycleBlocked},
		"suspended, a pin to another is refused":  {moved(index.StateSuspended, "keep"), pinned, index.CodeLifecycleBlocked},
		"suspended, and what it has must not run": {func(p *catalog.Plugin) {
			moved(index.StateSuspended, "keep")(p)
			p.Versions[1].State = index.VersionEmergencyRemoved
		}, had, index.CodeLifecycleBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := helloOf(t, "1.1.0", "1.0.0")
			row.state(p)
			if got := is(choose(p, row.i(p), nil)); got != row.want {
				t.Errorf("it is given %s, expected %s", got, row.want)
			}
		})
	}
}

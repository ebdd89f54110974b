package tenant

import (
	"errors"
	"strings"
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
			if got := is(choose(p, row.i(p), nil, nil)); got != row.want {
				t.Errorf("it is given %s, expected %s", got, row.want)
			}
		})
	}
}

// TestAHoldKeepsWhatATenantHas_I3: after what must not run and before pin and channel,
// for as long as it lasts.
func TestAHoldKeepsWhatATenantHas_I3(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 2, 8, 0, 0, 0, time.UTC)
	held := func(i Install) Install {
		i.Hold = Hold{Until: now.Add(time.Hour), Reason: "end of the year", By: "person:ada"}
		return i
	}
	for name, row := range map[string]struct {
		i    func(p *catalog.Plugin) Install
		now  time.Time
		does func(p *catalog.Plugin)
		want string
	}{
		"nothing newer comes":         {func(p *catalog.Plugin) Install { return held(wasGiven(p, "1.0.0")) }, now, nil, "1.0.0"},
		"it is over at its end":       {func(p *catalog.Plugin) Install { return held(wasGiven(p, "1.0.0")) }, now.Add(time.Hour), nil, "1.1.0"},
		"who has nothing gets it not": {func(p *catalog.Plugin) Install { return held(Install{Plugin: p.ID, Enabled: true}) }, now, nil, index.ReasonHeld},
		"it comes before a pin": {func(p *catalog.Plugin) Install {
			i := held(wasGiven(p, "1.0.0"))
			i.Pin = p.Versions[0].Version
			return i
		}, now, nil, "1.0.0"},
		"what must not run comes before it": {func(p *catalog.Plugin) Install { return held(wasGiven(p, "1.0.0")) }, now,
			func(p *catalog.Plugin) { p.Versions[1].State = index.VersionEmergencyRemoved }, index.CodeLifecycleBlocked},
		"yanked, it goes on": {func(p *catalog.Plugin) Install { return held(wasGiven(p, "1.0.0")) }, now,
			func(p *catalog.Plugin) { p.Versions[1].State = index.VersionYanked }, "1.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := helloOf(t, "1.1.0", "1.0.0")
			if row.does != nil {
				row.does(p)
			}
			c := choose(p, row.i(p).at(row.now), nil, nil)
			if got := is(c); got != row.want {
				t.Errorf("it is given %s, expected %s", got, row.want)
			}
			if row.want == "1.0.0" && (len(c.reasons) == 0 || !strings.Contains(c.reasons[0].Detail, "end of the year")) {
				t.Errorf("it does not say that it is held: %+v", c.reasons)
			}
		})
	}
}

// TestWhatCannotBeReadGivesNothingNew_I3: an install of which the database does not say
// what was chosen is not given what somebody else would be.
func TestWhatCannotBeReadGivesNothingNew_I3(t *testing.T) {
	t.Parallel()
	p := helloOf(t, "1.1.0", "1.0.0")
	i := wasGiven(p, "1.0.0")
	i.Damaged = errors.New("no version")
	if got := is(choose(p, i, nil, nil)); got != index.CodeUnavailable {
		t.Errorf("it is given %s", got)
	}
}

// TestWhatMustNotRunIsStoppedWhateverElseIsRefused_E5_I6: a host is told to stop it, also
// where something else keeps every other version from it.
func TestWhatMustNotRunIsStoppedWhateverElseIsRefused_E5_I6(t *testing.T) {
	t.Parallel()
	p := helloOf(t, "1.1.0", "1.0.0")
	p.Versions[1].State = index.VersionEmergencyRemoved
	i, id := wasGiven(p, "1.0.0"), p.ID.String()
	gone, err := artifact.ParseVersion("3.0.0")
	if err != nil {
		t.Fatal(err)
	}
	i.Pin = gone
	d := &desire{basis: basis{catalog: catalog.Empty().With([]catalog.Plugin{*p}, nil)},
		had:     map[string]index.DesiredItem{id: {Plugin: id, Version: "1.0.0", Digest: p.Versions[1].Digest, Action: index.DesiredRun}},
		touched: map[artifact.Name]bool{}, roots: map[artifact.Name]root{}, items: map[string]index.DesiredItem{}}
	d.choose(i)
	if got := d.items[id]; got.Action != index.DesiredStop {
		t.Errorf("pinned to what is not there, the host is told %+v", got)
	}
}

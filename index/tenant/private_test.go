package tenant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// TestAPrivateDependencyComesByItsPublisher_I7: that somebody else's plugin names it
// gives a host nothing, whatever else of its publisher the tenant has.
func TestAPrivateDependencyComesByItsPublisher_I7(t *testing.T) {
	t.Parallel()
	needing := pluginOf("acme/hello", "acme/secret", "1.0.0")
	optional := pluginOf("mallory/trap", "acme/secret", "1.0.0")
	optional.Versions[0].Plugin.Dependencies[0].Optional = true
	through := pluginOf("mallory/trap", "acme/open", "1.0.0")
	older := pluginOf("mallory/lib", "acme/secret", "1.1.0", "1.0.0")
	older.Versions[1].Plugin.Dependencies = nil
	for what, row := range map[string]struct {
		more    []catalog.Plugin
		enabled string
		want    string
	}{
		"somebody else's":                    {nil, "mallory/trap", "hold mallory/trap"},
		"something of acme does not need it": {nil, "mallory/trap acme/hello", "run acme/hello 1.0.0, hold mallory/trap"},
		"something of acme needs it":         {[]catalog.Plugin{needing}, "acme/hello", "run acme/hello 1.0.0, run acme/secret 1.0.0"},
		"both":                               {[]catalog.Plugin{needing}, "mallory/trap acme/hello", "run acme/hello 1.0.0, run acme/secret 1.0.0, run mallory/trap 1.0.0"},
		"the tenant has it":                  {nil, "mallory/trap acme/secret", "run acme/secret 1.0.0, run mallory/trap 1.0.0"},
		"it is optional":                     {[]catalog.Plugin{optional}, "mallory/trap acme/hello", "run acme/hello 1.0.0, run mallory/trap 1.0.0"},
		"acme offers it to all with another": {[]catalog.Plugin{through, pluginOf("acme/open", "acme/secret", "1.0.0")}, "mallory/trap",
			"run acme/open 1.0.0, run acme/secret 1.0.0, run mallory/trap 1.0.0"},
		"an earlier version does without": {[]catalog.Plugin{pluginOf("mallory/trap", "mallory/lib", "1.0.0"), older}, "mallory/trap acme/hello",
			"run acme/hello 1.0.0, run mallory/lib 1.0.0, run mallory/trap 1.0.0"},
	} {
		w := newWorld(t, pluginOf("acme/secret", "", "1.0.0"), pluginOf("acme/hello", "", "1.0.0"), pluginOf("mallory/trap", "acme/secret", "1.0.0"))
		if row.more != nil {
			w.serve(t, row.more...)
		}
		w.o.Public = func(_ context.Context, id artifact.Name) (bool, error) {
			return id.String() == "acme/open" || id.Publisher() != "acme", nil
		}
		w.host("north", "editor-1")
		for id := range strings.FieldsSeq(row.enabled) {
			w.install("north", enabled(id))
		}
		got, state := itemsOf(t, w.ask(t, "north", "editor-1", index.DesiredQuery{}))
		if text := strings.Join(got, ", "); text != row.want {
			t.Errorf("%s: %s, expected %s: %+v", what, text, row.want, state.Items)
		}
		given, err := w.Given(t.Context(), "north", "editor-1")
		if err != nil || given.Repositories["acme/secret"] != slices.Contains(got, "run acme/secret 1.0.0") {
			t.Errorf("%s: it may pull %v, error %v", what, given, err)
		}
		for _, i := range state.Items {
			if i.Action == index.DesiredHold && !strings.Contains(i.Reason.Detail, "there is no plugin acme/secret here") {
				t.Errorf("%s: held because %+v", what, i.Reason)
			}
		}
	}
}

// TestWhatCouldNotBeToldIsNotSigned_I6: a database that does not answer leaves a host
// what it has, and does not say that a plugin is gone.
func TestWhatCouldNotBeToldIsNotSigned_I6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pluginOf("mallory/base", "", "1.0.0"), pluginOf("globex/app", "mallory/base", "1.0.0"))
	answers := w.o.Public
	away := errors.New("the database does not answer")
	w.host("north", "editor-1")
	w.install("north", enabled("globex/app"))
	for _, before := range []string{"nothing", "a document"} {
		w.o.Public = func(context.Context, artifact.Name) (bool, error) { return false, away }
		w.Moved("north")
		if d, err := w.Desired(asHost(t.Context(), "north", "editor-1"), "north", "editor-1", index.DesiredQuery{}); !errors.Is(err, away) || d.Envelope != nil {
			t.Errorf("after %s: %s, error %v", before, d.Envelope, err)
		}
		w.o.Public = answers
		if got, state := itemsOf(t, w.ask(t, "north", "editor-1", index.DesiredQuery{})); len(got) != 2 || state.Epoch.Counter != 1 {
			t.Errorf("after %s, when it answers: %v at %s", before, got, state.Epoch)
		}
	}
}

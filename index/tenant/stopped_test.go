package tenant

import (
	"context"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// refusing licenses nobody for some plugins.
type refusing []string

func (r refusing) Licensed(_ context.Context, _, _ string, plugins []artifact.Name) (map[artifact.Name]License, error) {
	out := map[artifact.Name]License{}
	for _, id := range plugins {
		for _, refused := range r {
			if id.String() == refused {
				out[id] = License{Refused: &index.Reason{Code: "no_purchase", Detail: "it is not licensed"}}
			}
		}
	}
	return out, nil
}

// TestWhatMustNotRunRunsForNobody_I6: also where another plugin needs it, which waits.
func TestWhatMustNotRunRunsForNobody_I6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pluginOf("acme/base", "", "1.0.0"), pluginOf("acme/hello", "acme/base", "1.0.0"))
	w.o.Desired.Licenses = refusing{"acme/base"}
	w.host("north", "editor-1")
	for _, row := range []struct{ enable, want string }{
		{"acme/base", "stop acme/base"},
		{"acme/hello", "stop acme/base, hold acme/hello"},
	} {
		w.install("north", enabled(row.enable))
		got, state := itemsOf(t, w.ask(t, "north", "editor-1", index.DesiredQuery{}))
		if text := strings.Join(got, ", "); text != row.want {
			t.Errorf("with %s: %s, expected %s: %+v", row.enable, text, row.want, state.Items)
		}
	}
}

// TestWhatIsHeldIsNotMovedByWhatNeedsIt_I4_I6: a plugin that is given nothing, such as one
// whose pin is gone, comes by nobody else's need either.
func TestWhatIsHeldIsNotMovedByWhatNeedsIt_I4_I6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pluginOf("acme/base", "", "1.0.0"), pluginOf("acme/hello", "acme/base", "1.0.0"))
	w.host("north", "editor-1")
	pinned := enabled("acme/base")
	pinned.Pin = must(artifact.ParseVersion("9.9.9"))
	w.install("north", pinned)
	w.install("north", enabled("acme/hello"))
	got, state := itemsOf(t, w.ask(t, "north", "editor-1", index.DesiredQuery{}))
	if text := strings.Join(got, ", "); text != "hold acme/base, hold acme/hello" {
		t.Errorf("%s: %+v", text, state.Items)
	}
}

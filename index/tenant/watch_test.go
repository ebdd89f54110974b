package tenant

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// TestAGenerationMeanwhileWakesAPoll_I6: what a computation found to follow from is
// compared with a generation that came while it went on.
func TestAGenerationMeanwhileWakesAPoll_I6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pluginOf("mallory/base", "", "1.0.0"), pluginOf("globex/app", "mallory/base", "1.0.0"))
	w.host("north", "editor-1")
	w.install("north", enabled("globex/app"))
	came := false
	w.o.Public = func(context.Context, artifact.Name) (bool, error) {
		if !came {
			came = true
			w.serve(t, pluginOf("mallory/base", "", "1.1.0", "1.0.0"))
			w.watches.compare(w.live.Current())
		}
		return true, nil
	}
	first := w.ask(t, "north", "editor-1", index.DesiredQuery{})
	select {
	case <-first.Moved:
	default:
		t.Error("a plugin that it turned out to follow from changed meanwhile, and the poll goes on")
	}
	next := w.ask(t, "north", "editor-1", index.DesiredQuery{ETag: first.ETag})
	if got, _ := itemsOf(t, next); !slices.Contains(got, "run mallory/base 1.1.0") {
		t.Errorf("then it is told %v", got)
	}
	select {
	case <-next.Moved:
		t.Error("nothing came since, and the poll does not wait")
	default:
	}
}

// turning gives who asks the right to follow after the first question.
type turning struct {
	everybody
	asked int
}

func (r *turning) Can(_ context.Context, action auth.Action, _ auth.Resource) (bool, error) {
	r.asked++
	return r.asked > 1 || action != auth.HostFollow, nil
}

// TestARoleThatCameBetweenIsNoPanic_I7: who had no right when he was asked about, and
// has it when he is to be told why not, is told of no tenant.
func TestARoleThatCameBetweenIsNoPanic_I7(t *testing.T) {
	t.Parallel()
	w := filled(t, 1, 1, 1)
	w.o.Rights = &turning{}
	ctx := auth.With(t.Context(), auth.Principal{Kind: auth.Person, Name: "person:eve"})
	var p *index.Problem
	if _, err := w.Desired(ctx, "t0000", "h000", index.DesiredQuery{}); !errors.As(err, &p) || p.Code != index.CodeNotFound {
		t.Errorf("in between: %v", err)
	}
	if d, err := w.Desired(ctx, "t0000", "h000", index.DesiredQuery{}); err != nil || d.Envelope == nil {
		t.Errorf("asked again: %v", err)
	}
}

//go:build e2e

// Package lifecycle is the drill of moves: how long it takes until the catalog says
// that a plugin or a version came into another state.
package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/scripts/drill"
)

const (
	moves   = 300
	plugins = 30
	// most is how long after its acknowledgement one of a hundred moves may take to be
	// in the catalog.
	most = 50 * time.Millisecond
)

func TestMain(m *testing.M) { drill.Main(m) }

// A step is a move, and what a reader of the catalog sees after it.
type step struct {
	path  string
	body  map[string]any
	state func(index.Detail) string
	want  string
}

func ofPlugin(d index.Detail) string  { return string(d.State) }
func ofVersion(d index.Detail) string { return string(d.Versions[0].State) }

// steps go round, so that each move begins where the one before it ended.
var steps = []step{
	{"/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded"}, ofPlugin, "deprecated"},
	{"/lifecycle", map[string]any{"move": "suspend", "reason": "security_review"}, ofPlugin, "suspended"},
	{"/lifecycle", map[string]any{"move": "resume"}, ofPlugin, "deprecated"},
	{"/lifecycle", map[string]any{"move": "undeprecate"}, ofPlugin, "active"},
	{"/versions/1.1.0/yank", map[string]any{"reason": "broken"}, ofVersion, "yanked"},
	{"/versions/1.1.0/unyank", map[string]any{}, ofVersion, "active"},
}

// TestAMoveIsInTheCatalogAtOnce_E1_E12 makes moves one after the other, and asks the
// catalog after each acknowledgement until it says so.
func TestAMoveIsInTheCatalogAtOnce_E1_E12(t *testing.T) {
	s := drill.Serve(t, "")
	drill.Ask[any](t, s, s.Admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"})
	some := drill.N(plugins)
	for i := range some {
		for _, v := range []string{"1.0.0", "1.1.0"} {
			s.Publish(t, s.Admin, fmt.Sprintf(`{"id": "acme/p%d", "version": "%s", "engines": {"acme-editor": "*"}, "description": "%d %s"}`, i, v, i, v))
		}
	}
	var visible, whole []time.Duration
	for i := range drill.N(moves) {
		at := fmt.Sprintf("/api/v1/plugins/acme/p%d", i/len(steps)%some)
		step := steps[i%len(steps)]
		began := time.Now()
		drill.Ask[any](t, s, s.Admin, "POST", at+step.path, step.body)
		acknowledged := time.Now()
		drill.Until(t, at+" is "+step.want, func(ctx context.Context) error {
			var d index.Detail
			err := s.Try(ctx, "", "GET", at, nil, &d)
			if err == nil && step.state(d) != step.want {
				err = fmt.Errorf("it is %s", step.state(d))
			}
			return err
		})
		visible, whole = append(visible, time.Since(acknowledged)), append(whole, time.Since(began))
	}
	t.Logf("%d moves, from the request until the catalog says it: p50 %v, p99 %v", len(whole), quantile(whole, .5), quantile(whole, .99))
	t.Logf("of these after the acknowledgement: p50 %v", quantile(visible, .5))
	drill.Within(t, "a move in the catalog after its acknowledgement, p99", quantile(visible, .99), most)
}

func quantile(all []time.Duration, q float64) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[int(q*float64(len(all)-1))].Round(10 * time.Microsecond)
}

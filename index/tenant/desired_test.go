package tenant

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

func itemsOf(t testing.TB, d index.Desired) (out []string, state index.DesiredState) {
	t.Helper()
	if err := json.Unmarshal(d.Envelope, &state); err != nil {
		t.Fatal(err)
	}
	for _, i := range state.Items {
		text := fmt.Sprintf("%s %s %s", i.Action, i.Plugin, i.Version)
		if i.HoldID != "" {
			text += " " + i.HoldID
		}
		out = append(out, strings.TrimSpace(text))
	}
	return out, state
}

// TestWhatAHostIsToRun_I3_I6: by what its tenant chose and by what it was given before.
func TestWhatAHostIsToRun_I3_I6(t *testing.T) {
	t.Parallel()
	hello := func(versions ...string) catalog.Plugin { return pluginOf("acme/hello", "acme/base", versions...) }
	stopped := hello("1.1.0", "1.0.0")
	stopped.Versions[0].State = index.VersionBlocked
	fixed := hello("1.2.0", "1.1.0", "1.0.0")
	fixed.Versions[1].State = index.VersionBlocked
	suspended := hello("1.2.0", "1.1.0", "1.0.0")
	suspended.State = index.StateSuspended
	needs := pluginOf("acme/hello", "acme/none", "1.0.0")
	w := newWorld(t, pluginOf("acme/base", "", "1.0.0"), pluginOf("acme/alone", "", "1.0.0"), hello("1.1.0", "1.0.0"))
	w.host("north", "editor-1")
	w.install("north", enabled("acme/alone"))
	pinned := enabled("acme/hello")
	pinned.Pin = must(artifact.ParseVersion("1.0.0"))
	counter := int64(0)
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"enabled", func() { w.install("north", enabled("acme/hello")) }, "run acme/alone 1.0.0, run acme/base 1.0.0, run acme/hello 1.1.0"},
		{"pinned below", func() { w.install("north", pinned) }, "run acme/alone 1.0.0, run acme/base 1.0.0, run acme/hello 1.0.0 pin-2"},
		{"unpinned", func() { w.install("north", enabled("acme/hello")) }, "run acme/alone 1.0.0, run acme/base 1.0.0, run acme/hello 1.1.0"},
		{"what runs must not", func() { w.serve(t, stopped) }, "run acme/alone 1.0.0, stop acme/hello 1.1.0"},
		{"there is a fix", func() { w.serve(t, fixed) }, "run acme/alone 1.0.0, run acme/base 1.0.0, run acme/hello 1.2.0"},
		{"suspended", func() { w.serve(t, suspended) }, "run acme/alone 1.0.0, run acme/base 1.0.0, run acme/hello 1.2.0"},
		{"what it needs is gone", func() { w.serve(t, needs) }, "run acme/alone 1.0.0, hold acme/base 1.0.0, hold acme/hello 1.2.0"},
		{"disabled", func() {
			off := enabled("acme/hello")
			off.Enabled = false
			w.install("north", off)
		}, "run acme/alone 1.0.0"},
	} {
		step.do()
		got, state := itemsOf(t, w.ask(t, "north", "editor-1", index.DesiredQuery{}))
		if text := strings.Join(got, ", "); text != step.want {
			t.Errorf("%s: %s, expected %s: %+v", step.what, text, step.want, state.Items)
		}
		if state.Epoch.Counter < counter || state.Epoch.Counter > counter+1 {
			t.Errorf("%s: epoch %s after %d", step.what, state.Epoch, counter)
		}
		counter = state.Epoch.Counter
	}
}

// TestADocumentIsSignedAnewInTime_I6: while more than half of its time is left nothing
// is sent again; then the same under the same epoch.
func TestADocumentIsSignedAnewInTime_I6(t *testing.T) {
	t.Parallel()
	w := filled(t, 1, 3, 1)
	first := w.ask(t, "t0000", "h000", index.DesiredQuery{})
	_, state := itemsOf(t, first)
	for _, row := range []struct {
		after  time.Duration
		issued time.Time
		same   bool
	}{{0, first.IssuedAt, true}, {0, time.Time{}, true}, {11 * time.Hour, first.IssuedAt, true}, {2 * time.Hour, first.IssuedAt, false}, {0, time.Time{}, true}, {0, noon.Add(time.Hour * 99), false}} {
		w.hand.Advance(row.after)
		d := w.ask(t, "t0000", "h000", index.DesiredQuery{ETag: "W/" + first.ETag, Issued: row.issued, Epoch: state.Epoch})
		if d.Unchanged != row.same || d.ETag != first.ETag {
			t.Errorf("after %s, signed %s: %t under %s", row.after, row.issued, d.Unchanged, d.ETag)
		}
		if !row.same {
			if _, again := itemsOf(t, d); again.Epoch != state.Epoch || !again.ExpiresAt.After(state.ExpiresAt) || len(again.Items) != len(state.Items) {
				t.Errorf("signed anew as %+v", again)
			}
		}
	}
	w.key.key = 3
	if _, next := itemsOf(t, w.ask(t, "t0000", "h000", index.DesiredQuery{ETag: first.ETag})); next.Epoch != (index.Epoch{Key: 3, Counter: 1}) {
		t.Errorf("another key begins at %s", next.Epoch)
	}
	w.key.key = 2
	var p *index.Problem
	if _, err := w.Desired(asHost(t.Context(), "t0000", "h000"), "t0000", "h000", index.DesiredQuery{}); !errors.As(err, &p) || p.Code != index.CodeUnavailable {
		t.Errorf("an earlier key: %v", err)
	}
}

// TestOfTwoReplicasOneIsFirst_I10: the other computes again, and the epoch rises once.
func TestOfTwoReplicasOneIsFirst_I10(t *testing.T) {
	t.Parallel()
	w := filled(t, 1, 3, 1)
	w.kept.conflict = conflicts - 1
	if _, state := itemsOf(t, w.ask(t, "t0000", "h000", index.DesiredQuery{})); state.Epoch.Counter != 1 {
		t.Errorf("epoch %s", state.Epoch)
	}
}

// TestNothingIsComputedWhereNothingMoved_I6: a generation that says nothing new of what
// is followed wakes nobody.
func TestNothingIsComputedWhereNothingMoved_I6(t *testing.T) {
	t.Parallel()
	w := filled(t, 2, 3, 1)
	one, two := w.ask(t, "t0000", "h000", index.DesiredQuery{}), w.ask(t, "t0001", "h000", index.DesiredQuery{})
	woken := func(d index.Desired) bool {
		select {
		case <-d.Moved:
			return true
		default:
			return false
		}
	}
	w.serve(t, pluginOf("acme/unrelated", "", "1.0.0"))
	w.watches.compare(w.live.Current())
	if woken(one) || woken(two) {
		t.Error("a plugin that nobody has woke a poll")
	}
	w.Moved("t0000")
	if !woken(one) || woken(two) {
		t.Error("a change of one tenant did not wake it alone")
	}
	w.serve(t, pluginOf("acme/base", "", "1.2.0", "1.1.0", "1.0.0"))
	w.watches.compare(w.live.Current())
	if !woken(two) {
		t.Error("a dependency changed, and the poll goes on")
	}
	got, _ := itemsOf(t, w.ask(t, "t0001", "h000", index.DesiredQuery{}))
	if !slices.Contains(got, "run acme/base 1.2.0") {
		t.Errorf("then it is told %v", got)
	}
}

// BenchmarkUnchanged is a poll to which nothing is new, of 1,000 tenants with 100
// plugins each.
func BenchmarkUnchanged(b *testing.B) {
	w := filled(b, 1000, 100, 1)
	etags := make([]string, 1000)
	for n := range etags {
		etags[n] = w.ask(b, fmt.Sprintf("t%04d", n), "h000", index.DesiredQuery{}).ETag
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		if d := w.ask(b, fmt.Sprintf("t%04d", n%1000), "h000", index.DesiredQuery{ETag: etags[n%1000]}); !d.Unchanged {
			b.Fatal("changed")
		}
	}
}

// BenchmarkChanged is a poll after a plugin of the tenant was switched, of 1,000
// tenants with 100 plugins each.
func BenchmarkChanged(b *testing.B) {
	w := filled(b, 1000, 100, 1)
	took := []time.Duration{}
	for n := 0; b.Loop(); n++ {
		id := fmt.Sprintf("t%04d", n%1000)
		one := enabled("acme/p050")
		one.Enabled = n/1000%2 == 1
		w.install(id, one)
		began := time.Now()
		w.ask(b, id, "h000", index.DesiredQuery{})
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

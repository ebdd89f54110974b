package lifecycle

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy/ledger"
)

// graves are plugins that were deleted, with their ledgers.
type graves struct {
	Catalog
	ledgers map[artifact.Name]ledger.State
}

func (g graves) Current() error { return nil }
func (g graves) Deleted() (out []artifact.Name) {
	for id := range g.ledgers {
		out = append(out, id)
	}
	slices.SortFunc(out, artifact.Name.Compare)
	return out
}
func (g graves) Ledger(ref format.Ref) ledger.State { return g.ledgers[ref.Plugin()] }

// begun are the deletions that began.
type begun struct {
	Deletions
	open           []Deletion
	ended, settled []string
}

func (b *begun) DeletionsBegun(context.Context, time.Time) ([]Deletion, error) {
	return slices.Clone(b.open), nil
}
func (b *begun) EndDeletion(_ context.Context, d Deletion) error {
	b.ended, b.open = append(b.ended, d.ID), slices.DeleteFunc(b.open, func(o Deletion) bool { return o == d })
	return nil
}

func (b *begun) SettleDeletion(_ context.Context, d Deletion) error {
	b.settled, b.open = append(b.settled, d.ID), slices.DeleteFunc(b.open, func(o Deletion) bool { return o == d })
	return nil
}

// Proves E4 and K6: what a deleted plugin has left goes, also what a push brings that was
// under way, and what came too early is tried again; then it is not asked again for ever.
func TestADeletedPluginIsErasedUntilNothingIsLeft_E4_K6(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)
	id, err := artifact.ParseName("acme/gone")
	if err != nil {
		t.Fatal(err)
	}
	own := digest.FromString("own")
	state := ledger.State{Platform: own, Plugin: &ledger.Plugin{Deleted: &ledger.Deletion{Move: ledger.Move{At: began}}}}
	state.Head.Digest = digest.FromString("deleted")
	g, hand, asked, fails := graves{ledgers: map[artifact.Name]ledger.State{id: state}}, clock.NewHand(began), 0, error(nil)
	s := New(Options{Catalog: g, Deletions: &begun{}, Own: own, Clock: hand.Clock(), Erase: func(context.Context, string) error {
		asked++
		return fails
	}})
	for _, row := range []struct {
		what  string
		after time.Duration
		fails error
		asks  bool
	}{
		{"at once", 0, nil, true},
		{"while a push may be under way", pushesEnd, nil, true},
		{"after that, and it could not be told", time.Minute, errors.New("the disk does not answer"), true},
		{"again", 0, nil, true},
		{"when nothing is left", 24 * time.Hour, nil, false},
	} {
		hand.Advance(row.after)
		before := asked
		fails = row.fails
		if err := s.EraseDeleted(t.Context()); !errors.Is(err, row.fails) {
			t.Errorf("%s: %v", row.what, err)
		}
		if (asked > before) != row.asks {
			t.Errorf("%s: asked %d times", row.what, asked-before)
		}
	}
	state.Head.Digest = digest.FromString("and an emergency was undone")
	g.ledgers[id] = state
	before := asked
	if err := s.EraseDeleted(t.Context()); err != nil || asked != before+1 {
		t.Errorf("its ledger grew: asked %d times, %v", asked-before, err)
	}
}

// Proves E4 and K6: a deletion that deleted nothing ends, and one that did is settled: none
// is looked at again for ever.
func TestADeletionThatBeganIsSettledOrEnds_E4_K6(t *testing.T) {
	t.Parallel()
	gone, stays := must(t, "acme/gone"), must(t, "acme/stays")
	g := graves{ledgers: map[artifact.Name]ledger.State{gone: {Plugin: &ledger.Plugin{Deleted: &ledger.Deletion{}}}, stays: {Plugin: &ledger.Plugin{}}}}
	b := &begun{open: []Deletion{{Plugin: gone, ID: "did"}, {Plugin: stays, ID: "did not"}}}
	s := New(Options{Catalog: g, Deletions: b, Own: digest.FromString("own"), Clock: clock.NewHand(time.Unix(0, 0)).Clock()})
	if err := s.EraseDeleted(t.Context()); err != nil || !slices.Equal(b.settled, []string{"did"}) || !slices.Equal(b.ended, []string{"did not"}) || len(b.open) > 0 {
		t.Errorf("settled %q, ended %q, left %v, %v", b.settled, b.ended, b.open, err)
	}
}

func must(t *testing.T, name string) artifact.Name {
	t.Helper()
	id, err := artifact.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

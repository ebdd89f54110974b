package emergency

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
)

// kept are the emergencies of one plugin, all on one page.
type kept struct {
	Store
	all []Record
}

func (k *kept) Emergencies(_ context.Context, _ string, states []index.EmergencyState, before string, _ int) (out []Record, _ error) {
	for _, r := range k.all {
		if before == "" && slices.Contains(states, r.State) {
			out = append(out, r)
		}
	}
	return out, nil
}

// shut are the holds of one plugin, by digest.
type shut map[digest.Digest]Hold

func (s shut) Hold(_ context.Context, h Hold) error { s[h.Digest] = h; return nil }
func (s shut) Held(_ context.Context, h Hold) (Hold, bool, error) {
	have, is := s[h.Digest]
	return have, is, nil
}
func (s shut) Release(_ context.Context, h Hold) error { delete(s, h.Digest); return nil }

// Proves E5 and E11: of a version and of one of its platforms there are two emergencies:
// what both name is held until both are over, whichever is over first, and what somebody
// blocked by hand stays.
func TestWhatTwoEmergenciesNameIsHeldUntilBothAreOver_E5_E11(t *testing.T) {
	t.Parallel()
	version, platform, byHand := digest.FromString("version"), digest.FromString("linux"), digest.FromString("by hand")
	for first := range 2 {
		ctx, k := t.Context(), &kept{all: []Record{
			{ID: "one", Plugin: "acme/hello", State: index.EmergencyInForce, Body: Body{Digests: []digest.Digest{version, platform, byHand}}},
			{ID: "two", Plugin: "acme/hello", State: index.EmergencyInForce, Body: Body{Digests: []digest.Digest{platform}}},
		}}
		holds := shut{byHand: {Repository: "acme/hello", Digest: byHand}}
		s := New(Options{Store: k, Holds: holds, Clock: clock.NewHand(noon).Clock()})
		for _, r := range k.all {
			if err := s.hold(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		over := func(i int) {
			k.all[i].State = index.EmergencyUndone
			if err := s.release(ctx, k.all[i]); err != nil {
				t.Fatal(err)
			}
		}
		over(first)
		if h, is := holds[platform]; !is || h.Emergency != k.all[1-first].ID {
			t.Errorf("%s is over first, and the platform is held: %t, by %q", k.all[first].ID, is, h.Emergency)
		}
		over(1 - first)
		if left := slices.Collect(maps.Keys(holds)); !slices.Equal(left, []digest.Digest{byHand}) {
			t.Errorf("held when both are over: %v", left)
		}
	}
}

package lifecycle

import (
	"context"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
)

// everything is a region that is all of a repository.
type everything struct{}

func (everything) Find(context.Context, digest.Digest) (digest.Digest, bool, error) {
	return "", true, nil
}

// nobody may do nothing.
type nobody struct{}

func (nobody) Can(context.Context, auth.Action, auth.Resource) (bool, error) { return false, nil }

// TestWhatIsWithdrawnNoMoreIsForgotten_K6: the memory of pulls follows what is
// withdrawn now, and not all that ever was.
func TestWhatIsWithdrawnNoMoreIsForgotten_K6(t *testing.T) {
	t.Parallel()
	now := catalog.Empty()
	made := map[string]bool{}
	p := NewPulls(PullsOptions{
		Catalog: func() (*catalog.Snapshot, error) { return now, nil },
		Region:  func(repository string, _ ...digest.Digest) Region { made[repository] = true; return everything{} },
		Drop:    func(repository string) { delete(made, repository) },
		Roles:   Roles{Rights: nobody{}},
	})
	for i := range 1000 {
		id := fmt.Sprintf("acme/p%d", i)
		name, err := artifact.ParseName(id)
		if err != nil {
			t.Fatal(err)
		}
		now = catalog.Empty().With([]catalog.Plugin{{ID: name, State: index.StateRemoved}}, nil)
		for range 2 {
			if err := p.Check(t.Context(), id, "", digest.FromString(id)); err == nil {
				t.Fatalf("%s, which is removed, is pulled", id)
			}
		}
		if most := 2 + roomForRegions; len(made) > most || p.count != len(made) {
			t.Fatalf("after %d of which one is withdrawn now: %d are remembered, counted %d, expected at most %d", i+1, len(made), p.count, most)
		}
	}
}

package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/lifecycle"
)

// contractDeletions holds lifecycle.Deletions to what it promises (E4): whoever enables
// a plugin and whoever begins to delete it exclude one another.
func contractDeletions(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north", "south")
	lint := someInstall(t, "acme/lint", "1.0.0")
	lint.Enabled = true
	first := lifecycle.Deletion{Plugin: lint.Plugin, ID: "one", Begun: noon}
	want(t, "enable", s.OfTenant("north").Installs().Put(ctx, lint), nil)
	n, err := s.BeginDeletion(ctx, first)
	same(t, "begin while one has it", n, 1, err)
	lint.Revision = 1
	want(t, "enable again, as nothing began", s.OfTenant("north").Installs().Put(ctx, lint), nil)
	lint.Revision, lint.Enabled = 2, false
	want(t, "disable", s.OfTenant("north").Installs().Put(ctx, lint), nil)
	n, err = s.BeginDeletion(ctx, first)
	same(t, "begin", n, 0, err)
	second := lifecycle.Deletion{Plugin: lint.Plugin, ID: "two", Begun: noon.Add(time.Minute)}
	n, err = s.BeginDeletion(ctx, second)
	same(t, "begin another", n, 0, err)

	lint.Revision, lint.Enabled = 3, true
	want(t, "enable what is being deleted", s.OfTenant("north").Installs().Put(ctx, lint), artifact.ErrConflict)
	lint.Revision = 0
	want(t, "enable it elsewhere", s.OfTenant("south").Installs().Put(ctx, lint), artifact.ErrConflict)
	other := someInstall(t, "acme/fmt", "1.0.0")
	other.Enabled = true
	want(t, "enable another plugin", s.OfTenant("south").Installs().Put(ctx, other), nil)
	list, err := s.DeletionsBegun(ctx, noon.Add(time.Minute))
	if err != nil || len(list) != 1 || list[0] != first {
		t.Errorf("begun before: %+v, %v, expected %+v", list, err, first)
	}
	want(t, "end one", s.EndDeletion(ctx, first), nil)
	want(t, "enable while the other goes on", s.OfTenant("south").Installs().Put(ctx, lint), artifact.ErrConflict)
	want(t, "end the other", s.EndDeletion(ctx, second), nil)
	want(t, "end it twice", s.EndDeletion(ctx, second), nil)
	want(t, "enable again", s.OfTenant("south").Installs().Put(ctx, lint), nil)

	gone := someInstall(t, "acme/gone", "1.0.0")
	gone.Enabled = true
	third := lifecycle.Deletion{Plugin: gone.Plugin, ID: "three", Begun: noon}
	n, err = s.BeginDeletion(ctx, third)
	same(t, "begin a third", n, 0, err)
	list, err = s.DeletionsBegun(ctx, noon.Add(time.Minute))
	same(t, "that began", len(list), 1, err)
	want(t, "settle it", s.SettleDeletion(ctx, third), nil)
	want(t, "settle it twice", s.SettleDeletion(ctx, third), nil)
	list, err = s.DeletionsBegun(ctx, noon.Add(time.Minute))
	same(t, "that began, when it is settled", len(list), 0, err)
	want(t, "enable what was deleted", s.OfTenant("south").Installs().Put(ctx, gone), artifact.ErrConflict)

	for i := range 20 {
		raced := someInstall(t, fmt.Sprintf("acme/raced%d", i), "1.0.0")
		raced.Enabled = true
		var put, begin error
		var enabled int
		var both sync.WaitGroup
		both.Go(func() { put = s.OfTenant("north").Installs().Put(ctx, raced) })
		both.Go(func() {
			enabled, begin = s.BeginDeletion(ctx, lifecycle.Deletion{Plugin: raced.Plugin, ID: "x", Begun: noon})
		})
		both.Wait()
		if begin != nil || put != nil && !errors.Is(put, artifact.ErrConflict) || (put == nil) != (enabled == 1) {
			t.Errorf("round %d: enabling %v, deleting finds %d, %v", i, put, enabled, begin)
		}
	}
}

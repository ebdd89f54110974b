package publisher

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/policy/ledger"
)

// asked counts what is asked of a site with the private publisher secretco.
type asked struct {
	Store
	Catalog
	calls map[string]int
}

func (a asked) Publisher(name string) (s ledger.Standing, ok bool) {
	a.calls["catalog"]++
	if name != "secretco" {
		return s, false
	}
	s.Counts.Publisher = &ledger.Publisher{Name: name, Private: true}
	return s, true
}

func (a asked) Namespace(_ context.Context, name string) (auth.NamespaceRecord, error) {
	a.calls["namespace"]++
	if name != "secretco" {
		return auth.NamespaceRecord{}, artifact.ErrNotFound
	}
	return auth.NamespaceRecord{Name: name}, nil
}

func (a asked) May(context.Context, auth.Action, auth.Resource) error { return artifact.ErrDenied }

func (a asked) Can(context.Context, auth.Action, auth.Resource) (bool, error) {
	a.calls["rights"]++
	return false, nil
}

// TestTimeDoesNotTellAPrivatePublisher_B3: of one that is not there as much is
// asked as of one that the caller may not know of.
func TestTimeDoesNotTellAPrivatePublisher_B3(t *testing.T) {
	t.Parallel()
	count := func(name string) map[string]int {
		a := asked{calls: map[string]int{}}
		s := New(Options{Store: a, Catalog: a, Rights: a})
		if _, err := s.Publisher(t.Context(), name); !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.PublisherLedger(t.Context(), name, 0, 10); !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("the ledger of %s: %v", name, err)
		}
		return a.calls
	}
	private, absent := count("secretco"), count("absentco")
	if !maps.Equal(private, absent) || private["rights"] == 0 || private["namespace"] == 0 {
		t.Errorf("asked for the private one %v, for the absent one %v", private, absent)
	}
}

package ledger_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	chains "github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
)

// TestEveryKindHasARule holds every kind about publishers to what all have in
// common: somebody acts on it, nobody without a right makes it, and a body that
// is not its own is refused (E1).
func TestEveryKindHasARule(t *testing.T) {
	t.Parallel()
	site := ledgertest.NewKey(t, "site")
	for _, f := range format.Forms() {
		if f.Plugin {
			continue // TestEveryMove
		}
		t.Run(string(f.Kind), func(t *testing.T) {
			t.Parallel()
			if !ledger.Known(ledgerOf(t, acme), f.Kind) {
				t.Fatal("policy/ledger has no rule for it")
			}
			c := chains.New(t, acme, site.Sign)
			var state ledger.State
			if f.Kind != format.PublisherClaimed { // which is the first of every ledger
				claimed := c.Claim(t, "person:ada")
				var err error
				if state, err = state.Next(&claimed.Statement, claimed.Descriptor.Digest, site.ID()); err != nil {
					t.Fatal(err)
				}
			}
			refused := func(what, actor string, body json.RawMessage, kind error) {
				t.Helper()
				e := c.Clone().Add(t, f.Kind, actor, format.RoleOwner, f.Body(), nil)
				if e.Statement.Actor = actor; body != nil {
					e.Statement.Body = body
				}
				after, err := state.Next(&e.Statement, e.Descriptor.Digest, site.ID())
				if !errors.Is(err, kind) {
					t.Errorf("%s: %v, want %v", what, err, kind)
				}
				if after.Head != state.Head {
					t.Errorf("%s: the state went on to %v", what, after.Head)
				}
			}
			refused("a body that says one thing twice", "person:ada", json.RawMessage(`{"a": 1, "a": 2}`), artifact.ErrInvalid)
			if f.Kind != format.PublisherClaimed {
				refused("by somebody who is no owner", "person:eve", nil, artifact.ErrDenied)
			}
		})
	}
}

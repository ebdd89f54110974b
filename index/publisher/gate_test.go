package publisher

import (
	"context"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// known is a Catalog of what the ledgers say.
type known map[string]ledger.Standing

func (k known) Publisher(name string) (ledger.Standing, bool) { s, ok := k[name]; return s, ok }
func (k known) Settled(context.Context) error                 { return nil }

// allows are the Rights of somebody who may all or nothing, or of whom it
// cannot be told.
type allows struct {
	all bool
	err error
}

func (a allows) May(context.Context, auth.Action, auth.Resource) error { return a.err }

func (a allows) Can(context.Context, auth.Action, auth.Resource) (bool, error) { return a.all, a.err }

func counts(p *ledger.Publisher) ledger.Standing {
	return ledger.Standing{Counts: ledger.State{Publisher: p}}
}

// Proves B4 and I7: who may not pull from a publisher cannot read its ledger,
// and one that nobody knows of may be private.
func TestWhoMayReadALedger_B4_I7(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if err := s.AddNamespace(t.Context(), auth.NamespaceRecord{Name: "closed", CreatedAt: noon}, "person:ada", []string{"closed"}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddNamespace(t.Context(), auth.NamespaceRecord{Name: "open", Public: true, CreatedAt: noon}, "person:ada", []string{"open"}); err != nil {
		t.Fatal(err)
	}
	errDown := errors.New("the database does not answer")
	catalog := known{"closed": counts(&ledger.Publisher{}), "mirrored": counts(&ledger.Publisher{}), "secret": counts(&ledger.Publisher{Private: true})}
	for name, row := range map[string]struct {
		publisher string
		may       allows
		want      error
	}{
		"a public one is for everybody":                      {"open", allows{}, nil},
		"one that only its ledger knows is for everybody":    {"mirrored", allows{}, nil},
		"the site says private, whatever the ledger says":    {"closed", allows{}, artifact.ErrNotFound},
		"a private one is for those who may pull":            {"closed", allows{all: true}, nil},
		"one whose ledger says private is not there":         {"secret", allows{}, artifact.ErrNotFound},
		"one of which nobody knows may be private":           {"unknown", allows{}, artifact.ErrNotFound},
		"where it cannot be told who may, nobody reads it":   {"closed", allows{err: errDown}, errDown},
		"where it cannot be told who may, nor the unknown's": {"unknown", allows{true, errDown}, errDown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svc := New(Options{Store: s, Catalog: catalog, Rights: row.may})
			if err := svc.MayRead(t.Context(), row.publisher); !errors.Is(err, row.want) || row.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

// A ledger that does not hold is refused by what is wrong with it; one of which
// it could not be told has no kind.
func TestARefusalSaysItsKind_H4(t *testing.T) {
	t.Parallel()
	finding := func(code string, o policy.Outcome) ledger.Judgement {
		return ledger.Judgement{Findings: []ledger.Finding{{Finding: policy.Finding{Code: code, Detail: "why", Outcome: o}}}}
	}
	if err := Refusal(finding("holds", policy.Allow)); err != nil {
		t.Errorf("a good one: %v", err)
	}
	if err := Refusal(finding(ledger.CodeNotEntitled, policy.Deny)); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("not entitled: %v", err)
	}
	if err := Refusal(finding(ledger.CodeForged, policy.Deny)); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("forged: %v", err)
	}
	if err := Refusal(finding("unreadable", policy.Unknown)); err == nil || errors.Is(err, artifact.ErrDenied) || errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("of a kind: %v", err)
	} else if _, untold := errors.AsType[*statements.UnreadError](err); !untold {
		t.Errorf("could not tell: %v", err)
	}
}

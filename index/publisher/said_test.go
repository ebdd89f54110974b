package publisher

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index/auth"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// hasLedger is a Registry in which every publisher has a ledger.
type hasLedger struct{ Registry }

func (hasLedger) Resolve(context.Context, string, string) (digest.Digest, error) {
	return digest.FromString("ledger"), nil
}

// Proves B4: a name that was closed stays closed where its ledger does not hold
// any more, and one of which it cannot be told is not given as if it were open.
func TestWhatALedgerThatDoesNotHoldSays_B4(t *testing.T) {
	t.Parallel()
	own, closed := digest.FromString("this site"), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	shut := ledger.State{Platform: own, Publisher: &ledger.Publisher{PublishingOff: true, ClosedAt: &closed}}
	finding := func(o policy.Outcome) ledger.Judgement {
		return ledger.Judgement{Findings: []ledger.Finding{{Finding: policy.Finding{Outcome: o, Code: "ledger_truncated", Detail: "it is cut"}}}}
	}
	for title, row := range map[string]struct {
		catalog known
		want    auth.Holding
		fails   bool
	}{
		"holds":              {known{"acme": {Judgement: finding(policy.Allow), Counts: shut}}, auth.Holding{PublishingOff: true, ClosedAt: closed}, false},
		"was cut":            {known{"acme": {Judgement: finding(policy.Deny), Counts: shut}}, auth.Holding{Private: true, PublishingOff: true, ClosedAt: closed}, false},
		"cannot be read":     {known{"acme": {Judgement: finding(policy.Unknown), Counts: shut}}, auth.Holding{Private: true}, true},
		"was not read yet":   {known{}, auth.Holding{Private: true}, true},
		"was not judged yet": {known{"acme": {Counts: shut}}, auth.Holding{Private: true}, true},
	} {
		got, err := Said(t.Context(), "acme", hasLedger{}, row.catalog, own)
		if _, untold := errors.AsType[*statements.UnreadError](err); got != row.want || (err != nil) != row.fails || untold != row.fails {
			t.Errorf("%s: %+v, %v", title, got, err)
		}
	}
}

// A refusal is told once, to who asked for what was refused.
func TestARefusalIsKeptForWhoAsked(t *testing.T) {
	t.Parallel()
	var d doubts
	asked := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	d.refuse("acme", refused{by: "person:ada", asked: asked, why: context.Canceled})
	if err := d.refusal("acme", "person:bob", asked); err != nil {
		t.Errorf("told to somebody else: %v", err)
	}
	if err := d.refusal("acme", "person:ada", asked); err == nil {
		t.Error("not told to who asked")
	}
	if err := d.refusal("acme", "person:ada", asked); err != nil {
		t.Errorf("told twice: %v", err)
	}
}

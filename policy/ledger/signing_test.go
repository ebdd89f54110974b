package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	format "github.com/oarlock/oarlock/artifact/ledger"
	chains "github.com/oarlock/oarlock/artifact/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
)

// TestALedgerEstablishesSigners_G3 rotates a key with overlap and revokes the first.
func TestALedgerEstablishesSigners_G3(t *testing.T) {
	t.Parallel()
	site, own, next := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "own"), ledgertest.NewKey(t, "next")
	c := story(t, site, own)
	june, july := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), chains.Day.Add(2*time.Minute)
	c.Add(t, format.KeyAdded, "person:ada", format.RoleOwner, next.Body("next", june), nil)
	c.Add(t, format.KeyRevoked, "person:ada", format.RoleOwner, format.KeyEnd{ID: own.ID().String(), From: july, Reason: "stolen"}, nil)
	got := judge(t, newJudge(t, site), c, format.Head{})
	keys := got.SigningKeys(got.State)
	want := &policy.LedgerKeys{Publisher: "acme", Ledger: acme, Keys: []policy.LedgerKey{
		{Ledger: acme, Name: "release", ID: own.ID(), PEM: own.PEM, AddedAt: chains.Day.Add(2 * time.Minute), RevokedFrom: july},
		{Ledger: acme, Name: "next", ID: next.ID(), PEM: next.PEM, AddedAt: chains.Day.Add(4 * time.Minute), NotBefore: june},
	}}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestALedgerThatDoesNotHoldEstablishesNoKeys_G3: a key that a bad part adds
// never counts, and where a part could not be read, none does.
func TestALedgerThatDoesNotHoldEstablishesNoKeys_G3(t *testing.T) {
	t.Parallel()
	site, stranger, own := ledgertest.NewKey(t, "site"), ledgertest.NewKey(t, "stranger"), ledgertest.NewKey(t, "own")
	good := story(t, site, own)
	whole := judge(t, newJudge(t, site), good, format.Head{})
	forged := good.Clone()
	forged.Sign = stranger.Sign
	forged.Add(t, format.KeyAdded, "person:ada", format.RoleOwner, stranger.Body("mine", chains.Day), nil)
	longer := good.Clone()
	longer.Add(t, format.KeyRevoked, "person:ada", format.RoleOwner, format.KeyEnd{ID: own.ID().String(), From: chains.Day, Reason: "stolen"}, nil)
	cut := good.Clone()
	cut.Entries = cut.Entries[:2]
	unread := func(c *chains.Chain, i int) ledger.Judgement {
		m := ledgertest.NewMemory()
		m.Put(t, c)
		delete(m.Manifests, c.Entries[i].Descriptor.Digest)
		return newJudge(t, site).Read(t.Context(), c.Ref, m, whole.Head)
	}
	for name, row := range map[string]struct {
		got    ledger.Judgement
		counts ledger.State
		code   string
		keys   int
	}{
		"forged from the first statement":                  {judge(t, newJudge(t, stranger), good, format.Head{}), ledger.State{}, ledger.CodeForged, 0},
		"forged at its end, the rest stays":                {judge(t, newJudge(t, site), forged, format.Head{}), whole.State, ledger.CodeForged, 1},
		"cut, what is known stays":                         {judge(t, newJudge(t, site), cut, whole.Head), whole.State, ledger.CodeTruncated, 1},
		"a statement that may revoke could not be read":    {unread(longer, 4), whole.State, policy.CodeUnreadable, 0},
		"a statement that was read before could not be":    {unread(good, 3), whole.State, policy.CodeUnreadable, 1},
		"the index could not be read":                      {unreadIndex(t, site, good), whole.State, policy.CodeUnreadable, 0},
		"it holds":                                         {whole, whole.State, "", 1},
		"there is none, and none was known of a publisher": {newJudge(t, site).Read(t.Context(), good.Ref, ledgertest.NewMemory(), format.Head{}), ledger.State{}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := row.got.SigningKeys(row.counts)
			if len(keys.Keys) != row.keys {
				t.Errorf("%d keys, want %d", len(keys.Keys), row.keys)
			}
			for _, k := range keys.Keys {
				if k.ID != own.ID() {
					t.Errorf("a key that the ledger does not establish: %+v", k)
				}
			}
			switch p := keys.Problem; {
			case row.code == "" && p != nil:
				t.Errorf("problem %+v, want none", p)
			case row.code != "" && (p == nil || p.Code != row.code || p.Outcome != policy.Unknown):
				t.Errorf("problem %+v, want %s, could not tell", p, row.code)
			}
		})
	}
}

func unreadIndex(t *testing.T, site ledgertest.Key, c *chains.Chain) ledger.Judgement {
	t.Helper()
	m := ledgertest.NewMemory()
	m.Put(t, c)
	clear(m.Manifests)
	got := newJudge(t, site).Read(t.Context(), c.Ref, m, format.Head{})
	if got.Verdict().Outcome() != policy.Unknown {
		t.Fatal("an index that is gone was judged")
	}
	return got
}

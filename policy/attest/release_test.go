package attest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/trust"
)

// Proves A5: nobody reviews what they signed, and no publisher what it publishes.
func TestNobodyReviewsThemselves_A5(t *testing.T) {
	t.Parallel()
	signedBy := func(names ...string) policy.Signature {
		return policy.Signature{Status: policy.Verified, Signers: names}
	}
	unsigned, unread := policy.Signature{Status: policy.Unsigned}, policy.Signature{}
	by := func(signer, verdict string) policy.Statement {
		return reviewBy(signer, "r", verdict, reviewedAt)
	}
	const yes, no = policy.CodeAttestationVerified, policy.CodeAttestationInvalid
	named := "{type: review, signers: [security]}"
	for name, row := range map[string]struct {
		required string
		released policy.Signature
		there    policy.Statement
		want     string
		shown    string // the code of the attestation
	}{
		"by another than who signed":                  {"{type: review}", signedBy("release"), by("security", "approved"), yes, policy.CodeEvidenceVerified},
		"by who alone signed":                         {"{type: review}", signedBy("release"), by("release", "approved"), no, policy.CodeSelfReview},
		"by who alone signed, by the type's URI":      {"{type: '" + attest.TypeReview + "'}", signedBy("release"), by("release", "approved"), no, policy.CodeSelfReview},
		"by one of two who signed":                    {"{type: review}", signedBy("release", "security"), by("security", "approved"), yes, policy.CodeEvidenceVerified},
		"by who alone signed, and rejecting":          {"{type: review}", signedBy("release"), by("release", "rejected"), no, policy.CodeSelfReview},
		"of what nobody signed":                       {"{type: review}", unsigned, by("security", "approved"), no, policy.CodeEvidenceVerified},
		"of what nobody signed, by who is named":      {named, unsigned, by("security", "approved"), yes, policy.CodeEvidenceVerified},
		"of what nobody signed, by who is not named":  {named, unsigned, by("release", "approved"), no, policy.CodeOtherSigner},
		"by who is named and alone signed":            {named, signedBy("security"), by("security", "approved"), no, policy.CodeSelfReview},
		"by who is not named, of another's":           {named, signedBy("security"), by("release", "approved"), no, policy.CodeOtherSigner},
		"where who signed could not be read":          {"{type: review}", unread, by("security", "approved"), policy.CodeUnreadable, policy.CodeEvidenceVerified},
		"named, and who signed could not be read":     {named, unread, by("security", "approved"), policy.CodeUnreadable, policy.CodeEvidenceVerified},
		"where what could be read of it is another's": {"{type: review}", policy.Signature{Signers: []string{"release"}}, by("security", "approved"), yes, policy.CodeEvidenceVerified},
	} {
		a := judge(t, said{trust: policyOf(t, row.required), all: []policy.Statement{row.there}, released: &row.released})
		if len(a.Votes) != 1 || a.Votes[0].Code != row.want || a.Votes[0].Outcome.Allowed() != (row.want == yes) {
			t.Errorf("%s: got %+v, want %s", name, a.Votes, row.want)
		}
		if len(a.All) != 1 || a.All[0].Finding.Code != row.shown || a.All[0].Verified != (row.shown == policy.CodeEvidenceVerified) {
			t.Errorf("%s: shown as %+v, want %s", name, a.All, row.shown)
		}
	}
}

// Proves A5: a key that the publisher's own ledger has is the publisher's, whoever
// else names it; and where the ledger cannot be told, nobody knows.
func TestAPublisherReviewsNothing_A5(t *testing.T) {
	t.Parallel()
	who, err := trust.Parse(fmt.Appendf(nil, "namespaces: {acme: {ledger_keys: true, signers: [{name: security, key: {pem: %q}}], attestations: [{type: review}]}}", publicPEM(t, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := func(seeds ...byte) *policy.LedgerKeys {
		l := &policy.LedgerKeys{Publisher: "acme", Ledger: "oarlock/publishers:acme"}
		for _, seed := range seeds {
			l.Keys = append(l.Keys, policy.LedgerKey{Ledger: l.Ledger, Name: fmt.Sprint(seed), PEM: publicPEM(t, seed)})
		}
		return l
	}
	damaged := keys(2)
	damaged.Problem = &policy.Finding{Code: policy.CodeUnreadable, Detail: "a statement could not be read"}
	for name, row := range map[string]struct {
		ledger *policy.LedgerKeys
		signer string
		want   string
	}{
		"another reviews":               {keys(2), "security", policy.CodeAttestationVerified},
		"the ledger's key reviews":      {keys(2), "acme's ledger", policy.CodeAttestationInvalid},
		"the ledger has the reviewer's": {keys(1, 2), "security", policy.CodeAttestationInvalid},
		"the ledger could not be told":  {damaged, "security", policy.CodeUnreadable},
		"the ledger was not read":       {nil, "security", policy.CodeUnreadable},
	} {
		for _, key := range []string{"", "the same evidence"} {
			released := policy.Signature{Status: policy.Verified, Signers: []string{"acme's ledger"}}
			if row.signer == "acme's ledger" {
				released.Signers = []string{"security"}
			}
			j, err := attest.New(said{trust: who, all: []policy.Statement{reviewBy(row.signer, "r", "approved", reviewedAt)}, released: &released, key: key}, 0)
			if err != nil {
				t.Fatal(err)
			}
			of := subject
			of.LedgerKeys = row.ledger
			for range 2 {
				a, err := j.Judge(context.Background(), of, nil)
				if err != nil || len(a.Votes) != 1 || a.Votes[0].Code != row.want {
					t.Errorf("%s: got %+v, %v, want %s", name, a.Votes, err, row.want)
				}
			}
		}
	}
}

// A judgement of reviews that is kept is of who signed the version then.
func TestWhoSignedIsPartOfWhatIsKept_A5(t *testing.T) {
	t.Parallel()
	released := policy.Signature{Status: policy.Verified, Signers: []string{"release"}}
	j, err := attest.New(said{trust: policyOf(t, "{type: review}"), all: []policy.Statement{reviewBy("security", "r", "approved", reviewedAt)}, released: &released, key: "the same evidence"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ signer, want string }{{"release", policy.CodeAttestationVerified}, {"security", policy.CodeAttestationInvalid}, {"release", policy.CodeAttestationVerified}} {
		released.Signers = []string{row.signer}
		a, err := j.Judge(context.Background(), subject, nil)
		if err != nil || len(a.Votes) != 1 || a.Votes[0].Code != row.want {
			t.Errorf("signed by %s: got %+v, %v, want %s", row.signer, a.Votes, err, row.want)
		}
	}
}

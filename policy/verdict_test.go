package policy_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"pgregory.net/rapid"
)

func TestOnlyAgreementAllows(t *testing.T) {
	t.Parallel()
	const u, d, a = policy.Unknown, policy.Deny, policy.Allow
	for name, row := range map[string]struct {
		votes []policy.Outcome
		want  policy.Outcome
	}{
		"nobody voted: could not tell":                 {nil, u},
		"all allow":                                    {[]policy.Outcome{a, a}, a},
		"one deny denies":                              {[]policy.Outcome{a, d, a}, d},
		"a deny outweighs what could not be told":      {[]policy.Outcome{u, d}, d},
		"one that could not tell keeps all from it":    {[]policy.Outcome{a, u, a}, u},
		"a value that is none of the three is unknown": {[]policy.Outcome{a, 17}, u},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v policy.Verdict
			for _, o := range row.votes {
				v = v.And(policy.Verdict{Findings: []policy.Finding{{Outcome: o}}})
			}
			if got := v.Outcome(); got != row.want {
				t.Errorf("outcome of %v: got %v, want %v", row.votes, got, row.want)
			}
			if passes := len(v.Findings) > 0 && len(v.Reasons()) == 0; passes != v.Outcome().Allowed() {
				t.Errorf("%d reasons, but the outcome is %v", len(v.Reasons()), v.Outcome())
			}
		})
	}
}

// A vote more never loosens a verdict, and the order of votes says nothing.
func TestMoreVotesNeverLoosen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		votes := rapid.SliceOfN(rapid.SampledFrom([]policy.Outcome{policy.Unknown, policy.Deny, policy.Allow}), 1, 8).Draw(t, "votes")
		more := rapid.SampledFrom([]policy.Outcome{policy.Unknown, policy.Deny, policy.Allow}).Draw(t, "more")
		before, after := policy.Combine(votes...), policy.Combine(append(votes, more)...)
		if after.Allowed() && !before.Allowed() {
			t.Fatalf("%v does not allow, with %v it does", votes, more)
		}
		if shuffled := rapid.Permutation(votes).Draw(t, "shuffled"); policy.Combine(shuffled...) != before {
			t.Fatalf("%v gives %v, %v another", votes, before, shuffled)
		}
	})
}

func TestOutcomeTravelsAsText(t *testing.T) {
	t.Parallel()
	for _, o := range []policy.Outcome{policy.Unknown, policy.Deny, policy.Allow} {
		f := policy.Finding{Code: "c", Outcome: o, Detail: "d", Judge: "j"}
		raw, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back policy.Finding
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f, back); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
	var o policy.Outcome
	if err := o.UnmarshalText([]byte("perhaps")); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("outcome \"perhaps\": got %v, want invalid", err)
	}
}

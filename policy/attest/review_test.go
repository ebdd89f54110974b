package attest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
)

var reviewedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// reviewBy is a review of one reviewer by one signer.
func reviewBy(signer, reviewer, verdict string, at time.Time) policy.Statement {
	return by(signer, attest.TypeReview, fmt.Sprintf(`{"verdict":%q,"reviewer":%q,"reviewed_at":%q,"reason":"because"}`, verdict, reviewer, at.Format(time.RFC3339)))
}

// Proves A5: who signs writes the time, so a time that was made up neither hides
// what another reviewer rejected nor outlasts what the same one says later.
func TestAForgedTimeOfAReviewHidesNoRejection_A5(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	yes, no := "approved", "rejected"
	for name, row := range map[string]struct {
		there []policy.Statement
		want  string
	}{
		"another's later approval beside a rejection":              {[]policy.Statement{reviewBy("a", "a", no, at(-2*day)), reviewBy("b", "b", yes, at(-day))}, policy.CodeAttestationInvalid},
		"another's later approval with the same name":              {[]policy.Statement{reviewBy("a", "r", no, at(-2*day)), reviewBy("b", "r", yes, at(-day))}, policy.CodeAttestationInvalid},
		"another's later approval with the same key":               {[]policy.Statement{reviewBy("a", "r", no, at(-2*day)), reviewBy("a", "s", yes, at(-day))}, policy.CodeAttestationInvalid},
		"another's rejection that is dated back":                   {[]policy.Statement{reviewBy("a", "a", yes, at(-day)), reviewBy("b", "b", no, at(-10*year))}, policy.CodeAttestationInvalid},
		"the reviewer's own later approval":                        {[]policy.Statement{reviewBy("a", "a", no, at(-2*day)), reviewBy("a", "a", yes, at(-day))}, policy.CodeAttestationVerified},
		"the reviewer's own later rejection":                       {[]policy.Statement{reviewBy("a", "a", yes, at(-2*day)), reviewBy("a", "a", no, at(-day))}, policy.CodeAttestationInvalid},
		"an approval within the skew of clocks":                    {[]policy.Statement{reviewBy("a", "a", yes, at(time.Minute))}, policy.CodeAttestationVerified},
		"an approval that is not yet":                              {[]policy.Statement{reviewBy("a", "a", yes, at(year))}, policy.CodeUnreadable},
		"an approval that is not yet beside a good one":            {[]policy.Statement{reviewBy("a", "a", yes, at(year)), reviewBy("b", "b", yes, at(-day))}, policy.CodeAttestationVerified},
		"an approval that is not yet over the reviewer's good one": {[]policy.Statement{reviewBy("a", "a", yes, at(year)), reviewBy("a", "a", yes, at(-day))}, policy.CodeAttestationVerified},
		"an approval that is not yet beside another's rejection":   {[]policy.Statement{reviewBy("a", "a", yes, at(year)), reviewBy("b", "b", no, at(-day))}, policy.CodeAttestationInvalid},
		"the reviewer's approval that is not yet over a rejection": {[]policy.Statement{reviewBy("a", "a", yes, at(year)), reviewBy("a", "a", no, at(-day))}, policy.CodeAttestationInvalid},
		"a rejection that is not yet beside an approval":           {[]policy.Statement{reviewBy("a", "a", no, at(year)), reviewBy("a", "a", yes, at(-day))}, policy.CodeAttestationInvalid},
		"another's rejection that is not yet":                      {[]policy.Statement{reviewBy("a", "a", no, at(year)), reviewBy("b", "b", yes, at(-day))}, policy.CodeAttestationInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, err := attest.NewAt(said{trust: policyOf(t, "{type: review}"), all: row.there}, 0, func() time.Time { return now })
			if err != nil {
				t.Fatal(err)
			}
			a, err := j.Judge(context.Background(), subject, nil)
			if err != nil {
				t.Fatal(err)
			}
			v := a.Verdict()
			if len(v.Findings) != 1 || v.Findings[0].Code != row.want {
				t.Fatalf("got %+v, want %s", v.Findings, row.want)
			}
			if v.Outcome().Allowed() != (row.want == policy.CodeAttestationVerified) {
				t.Errorf("got %v for %s", v.Outcome(), row.want)
			}
		})
	}
}

// replacing is s with a predicate that also names what it replaces.
func replacing(signer, reviewer, verdict string, at time.Time, replaced ...policy.Statement) policy.Statement {
	var all []string
	for _, one := range replaced {
		all = append(all, fmt.Sprintf("%q", one.Digest))
	}
	return by(signer, attest.TypeReview, fmt.Sprintf(`{"verdict":%q,"reviewer":%q,"reviewed_at":%q,"reason":"because","replaces":[%s]}`,
		verdict, reviewer, at.Format(time.RFC3339), strings.Join(all, ",")))
}

// Proves A5: a time that was written by mistake has a way back, which is the
// reviewer's alone.
func TestAReviewerReplacesAReviewOfTheirOwn_A5(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	rejectedAhead, approvedAhead := reviewBy("a", "a", "rejected", at(year)), reviewBy("a", "a", "approved", at(year))
	for name, row := range map[string]struct {
		now   time.Time
		there []policy.Statement
		want  string
	}{
		"a rejection that is not yet, by an approval":            {now, []policy.Statement{rejectedAhead, replacing("a", "a", "approved", at(-day), rejectedAhead)}, policy.CodeAttestationVerified},
		"a rejection whose time has come, by an older approval":  {at(2 * year), []policy.Statement{rejectedAhead, replacing("a", "a", "approved", at(-day), rejectedAhead)}, policy.CodeAttestationVerified},
		"an approval whose time has come, by an older rejection": {at(2 * year), []policy.Statement{approvedAhead, replacing("a", "a", "rejected", at(-day), approvedAhead)}, policy.CodeAttestationInvalid},
		"another signer's rejection":                             {now, []policy.Statement{rejectedAhead, replacing("b", "a", "approved", at(-day), rejectedAhead)}, policy.CodeAttestationInvalid},
		"another reviewer's rejection by the same signer":        {now, []policy.Statement{rejectedAhead, replacing("a", "b", "approved", at(-day), rejectedAhead)}, policy.CodeAttestationInvalid},
		"a stranger's word":                                      {now, []policy.Statement{rejectedAhead, replacing("", "a", "approved", at(-day), rejectedAhead)}, policy.CodeAttestationInvalid},
		"by an approval that is not yet itself":                  {now, []policy.Statement{rejectedAhead, replacing("a", "a", "approved", at(year), rejectedAhead)}, policy.CodeAttestationInvalid},
	} {
		j, err := attest.NewAt(said{trust: policyOf(t, "{type: review}"), all: row.there}, 0, func() time.Time { return row.now })
		if err != nil {
			t.Fatal(err)
		}
		a, err := j.Judge(context.Background(), subject, nil)
		if got := a.Verdict().Findings; err != nil || len(got) != 1 || got[0].Code != row.want {
			t.Errorf("%s: got %+v, %v, want %s", name, got, err, row.want)
		}
	}
}

// Proves A5: nobody signs a time that is not yet by mistake.
func TestAReviewOfTheFutureIsNotSigned_A5(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for at, good := range map[time.Time]bool{now: true, now.Add(-time.Hour): true, now.Add(time.Minute): true, now.Add(time.Hour): false} {
		predicate := fmt.Appendf(nil, `{"verdict":"approved","reviewer":"r","reviewed_at":%q}`, at.Format(time.RFC3339))
		err := attest.CheckNew(attest.TypeReview, predicate, now)
		if (err == nil) != good || err != nil && (!errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "not yet")) {
			t.Errorf("reviewed at %s: got %v", at, err)
		}
	}
	if err := attest.CheckNew(attest.TypeReview, []byte(`{"verdict":"approved"}`), now); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("a review without a time: got %v", err)
	}
}

// What depends on the clock is not kept: when the time has come, the judge says
// what a new one says.
func TestAReviewCountsWhenItsTimeHasCome_A5(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	there := []policy.Statement{reviewBy("a", "a", "rejected", now.Add(-time.Hour)), reviewBy("a", "a", "approved", now.Add(time.Hour))}
	j, err := attest.NewAt(said{trust: policyOf(t, "{type: review}"), all: there, key: "same evidence"}, 0, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{policy.CodeAttestationInvalid, policy.CodeAttestationVerified} {
		a, err := j.Judge(context.Background(), subject, nil)
		if got := a.Verdict().Findings; err != nil || len(got) != 1 || got[0].Code != want {
			t.Errorf("at %s: got %+v, %v, want %s", now, got, err, want)
		}
		now = now.Add(2 * time.Hour)
	}
}

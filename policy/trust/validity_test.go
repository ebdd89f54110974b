package trust_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"pgregory.net/rapid"
)

// bounded is a policy whose one signer has rest beside its key.
func bounded(rest string) string {
	return roots + "namespaces: {acme: {signers: [{name: a, key: {file: site.pub}, " + rest + "}]}}"
}

func TestWhatBoundsASignerIsCheckedWhole_G3(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ text, want string }{
		"a time that is none":                 {bounded("not_before: yesterday"), `signers[0].not_before: "yesterday", expected a time such as`},
		"a day without a time":                {bounded("not_after: 2026-07-01"), `not_after: "2026-07-01", expected a time such as`},
		"an end before the beginning":         {bounded("not_before: 2026-07-01T00:00:00Z, not_after: 2026-01-01T00:00:00Z"), "not_after: 2026-01-01T00:00:00Z, expected a time after not_before"},
		"a revocation without a time":         {bounded("revoked: {before: keep}"), "revoked.from: missing"},
		"a revocation that is silent":         {bounded("revoked: {from: 2026-07-01T00:00:00Z}"), `revoked.before: "", expected keep or deny`},
		"a revocation of another kind":        {bounded("revoked: {from: 2026-07-01T00:00:00Z, before: maybe}"), `revoked.before: "maybe", expected keep or deny`},
		"nothing that could prove a time":     {strings.TrimPrefix(bounded("not_after: 2026-07-01T00:00:00Z"), roots), "signers[0]: no trusted_roots: is there to prove by when"},
		"nothing that could prove what stays": {strings.TrimPrefix(bounded("revoked: {from: 2026-07-01T00:00:00Z, before: keep}"), roots), "no trusted_roots: is there to prove by when"},
		"bounds beside several keys":          {roots + "namespaces: {acme: {signers: [{name: a, keys: [{file: site.pub}], not_after: 2026-07-01T00:00:00Z}]}}", "signers[0]: not_before, not_after and revoked: expected in each of keys:"},
		"a key and several":                   {roots + "namespaces: {acme: {signers: [{name: a, key: {file: site.pub}, keys: [{file: acme-ci.pub}]}]}}", "expected either key:, keys: or identity:"},
		"a key that is none of several":       {roots + "namespaces: {acme: {signers: [{name: a, keys: [{file: site.pub}, {file: nowhere.pub}]}]}}", `signers[0].keys[1].file: "nowhere.pub"`},
		"one key twice":                       {roots + "namespaces: {acme: {signers: [{name: a, keys: [{file: site.pub}, {file: site.pub}]}]}}", "has the same key or identity"},
		"several keys that reach a threshold": {roots + "namespaces: {acme: {threshold: 2, signers: [{name: a, keys: [{file: site.pub}, {file: acme-ci.pub}]}]}}", "threshold: 2, expected 1 to 1"},
		"bounds of a platform":                {roots + "platforms: [{name: p, key: {file: site.pub}, not_after: 2026-07-01T00:00:00Z}]\nnamespaces: {acme: {signature: optional}}", "platforms[0]: not_before, not_after, revoked and keys are for signers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := trust.Parse([]byte(row.text), readKey)
			var problems *artifact.ProblemsError
			if !errors.As(err, &problems) || len(problems.Problems) != 1 || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want one problem that says %q", err, row.want)
			}
		})
	}
}

func TestARevocationThatKeepsNothingNeedsNoRoot_G3(t *testing.T) {
	t.Parallel()
	p := parse(t, strings.TrimPrefix(bounded("revoked: {from: 2026-07-01T00:00:00Z, before: deny}"), roots))
	if v := p.For("acme").Signers[0].Validity; v.Revoked == nil || v.Revoked.KeepBefore {
		t.Errorf("got %+v", v)
	}
}

func TestDigestIsOfBounds_G3(t *testing.T) {
	t.Parallel()
	base := parse(t, bounded("not_after: 2026-07-01T00:00:00Z")).Digest()
	for name, row := range map[string]struct {
		rest string
		same bool
	}{
		"the same moment in another zone": {"not_after: '2026-07-01T02:00:00+02:00'", true},
		"another end":                     {"not_after: 2026-07-02T00:00:00Z", false},
		"a beginning":                     {"not_before: 2026-07-01T00:00:00Z", false},
		"no end":                          {"", false},
		"a revocation":                    {"not_after: 2026-07-01T00:00:00Z, revoked: {from: 2026-06-01T00:00:00Z, before: keep}", false},
	} {
		if same := parse(t, bounded(row.rest)).Digest() == base; same != row.same {
			t.Errorf("%s: the same digest %v, want %v", name, same, row.same)
		}
	}
	keep, deny := parse(t, bounded("revoked: {from: 2026-06-01T00:00:00Z, before: keep}")), parse(t, bounded("revoked: {from: 2026-06-01T00:00:00Z, before: deny}"))
	if keep.Digest() == deny.Digest() {
		t.Error("keep and deny have the same digest")
	}
}

func TestRotationIsOneSigner_G3(t *testing.T) {
	t.Parallel()
	ns := parse(t, roots+`namespaces: {acme: {signers: [
		{name: release, keys: [{file: acme-release.pub, not_after: 2026-07-01T00:00:00Z}, {file: acme-ci.pub, not_before: 2026-06-01T00:00:00Z}]}]}}`).For("acme")
	if len(ns.Signers) != 2 || ns.Signers[0].Name != "release" || ns.Signers[1].Name != "release" || ns.Signers[0].ID == ns.Signers[1].ID {
		t.Fatalf("got %+v, want two keys of one name", ns.Signers)
	}
	overlap := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	for i, s := range ns.Signers {
		if code, why := s.Validity.Check(overlap); code != "" {
			t.Errorf("key %d in the overlap: %s: %s", i, code, why)
		}
	}
}

func TestBoundsAreJudgedAtTheProvenTime_G3(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		out, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const jan, jun, jul, dec = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-12-01T00:00:00Z"
	for name, row := range map[string]struct {
		rest, signed, code, why string
	}{
		"no bounds and no time":                  {"", "", "", ""},
		"within":                                 {"not_before: " + jan + ", not_after: " + dec, jun, "", ""},
		"at the last moment":                     {"not_after: " + jul, jul, "", ""},
		"at the first moment":                    {"not_before: " + jul, jul, "", ""},
		"too early":                              {"not_before: " + jul, jun, policy.CodeOutsideValidity, "made at " + jun},
		"too late":                               {"not_after: " + jun, jul, policy.CodeOutsideValidity, "made not after " + jun},
		"bounded, at no proven time":             {"not_after: " + jun, "", policy.CodeTimeUnproven, "neither a timestamp nor a log entry"},
		"before the revocation, kept":            {"revoked: {from: " + jul + ", before: keep}", jun, "", ""},
		"at the revocation, kept before":         {"revoked: {from: " + jul + ", before: keep}", jul, policy.CodeRevoked, "revoked from " + jul},
		"after the revocation":                   {"revoked: {from: " + jul + ", before: keep}", dec, policy.CodeRevoked, "made at " + dec},
		"revoked, at no proven time":             {"revoked: {from: " + jul + ", before: keep}", "", policy.CodeTimeUnproven, "before " + jul},
		"before the revocation, denied":          {"revoked: {from: " + jul + ", before: deny}", jun, policy.CodeRevoked, "counts no more"},
		"denied, at no proven time":              {"revoked: {from: " + jul + ", before: deny}", "", policy.CodeRevoked, "counts no more"},
		"before the revocation and yet too late": {"not_after: " + jan + ", revoked: {from: " + jul + ", before: keep}", jun, policy.CodeOutsideValidity, "not after " + jan},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var signed time.Time
			if row.signed != "" {
				signed = at(row.signed)
			}
			code, why := parse(t, bounded(row.rest)).For("acme").Signers[0].Validity.Check(signed)
			if code != row.code || !strings.Contains(why, row.why) || (why == "") != (code == "") {
				t.Errorf("got %q %q, want %q %q", code, why, row.code, row.why)
			}
		})
	}
}

// A revocation more, or an end that comes earlier, never lets more count.
func TestTighterBoundsNeverLoosen_G3(t *testing.T) {
	t.Parallel()
	day := func(t *rapid.T, name string) time.Time {
		return time.Date(2026, 1, rapid.IntRange(1, 20).Draw(t, name), 0, 0, 0, 0, time.UTC)
	}
	rapid.Check(t, func(t *rapid.T) {
		loose := trust.Validity{NotAfter: day(t, "end")}
		tight := trust.Validity{NotAfter: day(t, "earlier end"), Revoked: &trust.Revocation{From: day(t, "from"), KeepBefore: rapid.Bool().Draw(t, "keep")}}
		if tight.NotAfter.After(loose.NotAfter) {
			tight.NotAfter = loose.NotAfter
		}
		signed := day(t, "signed")
		if rapid.Bool().Draw(t, "unproven") {
			signed = time.Time{}
		}
		before, _ := loose.Check(signed)
		after, _ := tight.Check(signed)
		if after == "" && before != "" {
			t.Fatalf("signed %s: %+v denies, %+v does not", signed, loose, tight)
		}
	})
}

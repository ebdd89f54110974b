package entitlement

import (
	"errors"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// TestTiersReach_I2: a tier suffices for itself and for those below it, and a word
// that the site does not know could not be told, which denies.
func TestTiersReach_I2(t *testing.T) {
	t.Parallel()
	tiers, err := NewTiers([]string{"free", "pro", "enterprise"})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		has, needs string
		want       policy.Outcome
		says       string
	}{
		"a plugin without a tier needs none":  {"", "", policy.Allow, ""},
		"nor where the tenant's is not known": {"gold", "", policy.Allow, ""},
		"its own":                             {"pro", "pro", policy.Allow, ""},
		"a higher one":                        {"enterprise", "free", policy.Allow, ""},
		"a lower one":                         {"free", "pro", policy.Deny, `the tenant has "free"`},
		"none":                                {"", "free", policy.Deny, "the tenant has none"},
		"the plugin needs one that the site has not":   {"enterprise", "gold", policy.Unknown, "free, pro, enterprise"},
		"the tenant has one that the site has no more": {"gold", "free", policy.Unknown, `"gold"`},
		"neither is known, and they are the same word": {"gold", "gold", policy.Unknown, `"gold"`},
		"the words differ in case":                     {"pro", "Pro", policy.Unknown, `"Pro"`},
	} {
		got := tiers.Reach(row.has, row.needs)
		if got.Outcome != row.want || !strings.Contains(got.Reason, row.says) {
			t.Errorf("%s: %s, %q", name, got.Outcome, got.Reason)
		}
	}
	if got := (Tiers{}).Reach("pro", "pro"); got.Outcome.Allowed() {
		t.Errorf("a site without tiers: %v", got)
	}
}

func TestTiersAreRead_I2(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"Free"}, {"free", "free"}, {""}, make([]string, maxTiers+1)} {
		if _, err := NewTiers(names); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %v", names, err)
		}
	}
}

// TestNichesFit_I2: one in common is enough, and a plugin without any fits all.
func TestNichesFit_I2(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		has, needs []string
		want       policy.Outcome
	}{
		"none needed":         {nil, nil, policy.Allow},
		"one in common":       {[]string{"games", "tools"}, []string{"tools", "web"}, policy.Allow},
		"none in common":      {[]string{"games"}, []string{"web"}, policy.Deny},
		"the tenant has none": {nil, []string{"web"}, policy.Deny},
	} {
		if got := Niches(row.has, row.needs); got.Outcome != row.want || got.Outcome != policy.Allow && got.Reason == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (Finding{}).Outcome.Allowed() {
		t.Error("the zero finding allows")
	}
}

package entitlement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// Tiers are those of a site, the lowest first. The zero Tiers has none.
type Tiers struct{ names []string }

// maxTiers is how many a site may have.
const maxTiers = 32

// NewTiers reads names, the lowest first: each as artifact.CheckSegment reads it,
// and once. Errors wrap artifact.ErrInvalid.
func NewTiers(names []string) (Tiers, error) {
	if len(names) > maxTiers {
		return Tiers{}, fmt.Errorf("tiers: %d of them, expected at most %d: %w", len(names), maxTiers, artifact.ErrInvalid)
	}
	for i, name := range names {
		if err := artifact.CheckSegment(name); err != nil {
			return Tiers{}, fmt.Errorf("tier %q: %w", name, err)
		}
		if slices.Contains(names[:i], name) {
			return Tiers{}, fmt.Errorf("tier %q: it is there twice, expected each once, the lowest first: %w", name, artifact.ErrInvalid)
		}
	}
	return Tiers{slices.Clone(names)}, nil
}

// Know reports whether the site has a tier of this name.
func (t Tiers) Know(name string) bool { return slices.Contains(t.names, name) }

// String lists them, the lowest first.
func (t Tiers) String() string {
	if len(t.names) == 0 {
		return "none: the site has no tiers"
	}
	return strings.Join(t.names, ", ")
}

// A Finding is what was found out, with its reason where it is not policy.Allow.
// The zero Finding denies.
type Finding struct {
	Outcome policy.Outcome
	Reason  string
}

// Reach says whether a tenant of one tier may have what needs another. "" as the
// tenant's is below all tiers; "" as the plugin's needs none.
func (t Tiers) Reach(has, needs string) Finding {
	if needs == "" {
		return Finding{Outcome: policy.Allow}
	}
	at := slices.Index(t.names, needs)
	if at < 0 {
		return Finding{policy.Unknown, fmt.Sprintf("it needs the tier %q, which is none of the site's (%s)", needs, t)}
	}
	if has == "" {
		return Finding{policy.Deny, fmt.Sprintf("it needs the tier %q, and the tenant has none", needs)}
	}
	is := slices.Index(t.names, has)
	switch {
	case is < 0:
		return Finding{policy.Unknown, fmt.Sprintf("the tenant has the tier %q, which is none of the site's (%s)", has, t)}
	case is < at:
		return Finding{policy.Deny, fmt.Sprintf("it needs the tier %q, and the tenant has %q, which is lower", needs, has)}
	}
	return Finding{Outcome: policy.Allow}
}

// Niches says whether a plugin for some niches fits a tenant of others. A plugin
// without any fits all.
func Niches(has, needs []string) Finding {
	if len(needs) == 0 || slices.ContainsFunc(needs, func(n string) bool { return slices.Contains(has, n) }) {
		return Finding{Outcome: policy.Allow}
	}
	of := "has none"
	if len(has) > 0 {
		of = "has " + strings.Join(has, ", ")
	}
	return Finding{policy.Deny, fmt.Sprintf("it is for the niches %s, and the tenant %s", strings.Join(needs, ", "), of)}
}

package entitlement

import (
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A LicenseType is how a licence was sold.
type LicenseType string

// The types.
const (
	Perpetual    LicenseType = "perpetual"
	Subscription LicenseType = "subscription"
	Trial        LicenseType = "trial"
)

// An Expiry is what the seller lets happen after a licence has ended.
type Expiry string

// What an end can mean.
const (
	Block    Expiry = "block"    // nothing runs
	Fallback Expiry = "fallback" // the versions that were released before the end go on
	Warn     Expiry = "warn"     // all goes on, and says so
)

// Terms are what a licence says of time. Times are UTC; the zero time is none.
type Terms struct {
	ID   string      `json:"id"`
	Type LicenseType `json:"license_type" enum:"perpetual,subscription,trial"`
	From time.Time   `json:"from,omitzero" doc:"Before it the licence says nothing."`
	// Until is the end; none for ever.
	Until time.Time `json:"until,omitzero"`
	// GraceUntil is until when all goes on after Until: the seller signed it.
	GraceUntil time.Time `json:"grace_until,omitzero"`
	OnExpiry   Expiry    `json:"on_expiry" enum:"block,fallback,warn"`
	// Suspended: it was revoked.
	Suspended bool `json:"suspended,omitempty"`
}

// Grants are what a licence is for: a plugin that is named, all of a publisher, or
// all of a tier and of those below it.
type Grants struct {
	Plugins    []string `json:"plugins,omitempty"`
	Publishers []string `json:"publishers,omitempty"`
	Tiers      []string `json:"tiers,omitempty"`
}

// By is who takes a seat.
type By string

// Who can take one.
const (
	ByHost By = "host"
	ByUser By = "user"
)

// A License is one whose signature held.
type License struct {
	Terms
	Grants
	Issuer string
	Tenant string
	// Sells are the publishers whose plugins the issuer may license; "*" is all.
	Sells   []string
	Seats   int64 // 0 is any number
	SeatsBy By
}

// covers reports whether l is for a plugin of a tier.
func (l License) covers(id artifact.Name, tier string, tiers Tiers) bool {
	if !slices.Contains(l.Sells, "*") && !slices.Contains(l.Sells, id.Publisher()) {
		return false
	}
	if slices.Contains(l.Plugins, id.String()) || slices.Contains(l.Publishers, id.Publisher()) {
		return true
	}
	return tier != "" && slices.ContainsFunc(l.Tiers, func(has string) bool { return tiers.Reach(has, tier).Outcome.Allowed() })
}

// holder is who takes a seat of l; "" where nobody said.
func (l License) holder(host, user string) string {
	if l.SeatsBy == ByUser {
		return named("user:", user)
	}
	return named("host:", host)
}

func named(kind, name string) string {
	if name == "" {
		return ""
	}
	return kind + name
}

// Rules say which plugins of a site need a licence.
type Rules struct {
	Plugins    []string
	Publishers []string
	Tiers      []string
}

// A Need is whether a plugin needs a licence. The zero Need could not be told.
type Need string

// The needs.
const (
	Required    Need = "required"
	NotRequired Need = "not_required"
)

// Of says whether a plugin of a tier needs a licence. One whose tier the site does
// not know could not be told, where a rule goes by tiers.
func (r Rules) Of(id artifact.Name, tier string, tiers Tiers) Need {
	switch {
	case slices.Contains(r.Plugins, id.String()), slices.Contains(r.Publishers, id.Publisher()), tier != "" && slices.Contains(r.Tiers, tier):
		return Required
	case tier != "" && len(r.Tiers) > 0 && !tiers.Know(tier):
		return ""
	}
	return NotRequired
}

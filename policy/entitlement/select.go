package entitlement

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// Held are the leases of one licence that have not ended, by their holder.
type Held map[string]Lease

// A Question is who asks for which plugin. Without a host and a user no seat is
// asked for: whether the tenant may have it at all.
type Question struct {
	Plugin artifact.Name
	Tier   string // that the plugin needs; "" is none
	Offer  Offer
	Host   string
	User   string
}

// Select is what is known of a plugin for who asks: by the licence that lets it
// run, where one does, else by the one that comes closest. held has the live
// leases of each licence by its id. released is of the version that is asked for.
func Select(q Question, rules Rules, tiers Tiers, licenses []License, held map[string]Held, at Instant, released time.Time) State {
	s := State{Plugin: q.Plugin.String(), At: at.Now, Need: rules.Of(q.Plugin, q.Tier, tiers), Offer: q.Offer}
	if s.Need != Required {
		return s
	}
	best, of := s, Judge(s, at, released)
	for _, l := range licenses {
		if !l.covers(q.Plugin, q.Tier, tiers) {
			continue
		}
		one := l.asked(s, q, held[l.ID])
		if a := Judge(one, at, released); better(one, a, best, of) {
			best, of = one, a
		}
	}
	return best
}

// asked is s by l.
func (l License) asked(s State, q Question, held Held) State {
	terms := l.Terms
	s.Terms = &terms
	if q.Host == "" && q.User == "" {
		return s
	}
	who := l.holder(q.Host, q.User)
	lease, has := held[who]
	switch {
	case who == "":
		s.Seat = SeatUnnamed
	case has:
		s.Seat, s.Lease = SeatHeld, &lease
	case l.Seats == 0 || int64(len(held)) < l.Seats:
		s.Seat = SeatFree
	default:
		s.Seat = SeatNone
	}
	return s
}

// order has the answers from the best to the worst, as far as a user is served by
// hearing the one and not the other.
var order = []Code{Granted, SeatLimit, CouldNotTell, SubscriptionExpired, Suspended, NoPurchase, ClockSuspect}

// granted has the reasons of grants from the best to the worst.
var granted = []Reason{ReasonLicensed, ReasonLeaseGrace, ReasonLicenseGrace, ReasonExpiredWarn, ReasonFallback}

// better reports whether a goes before b. The order is whole: it is the same
// whatever order the licences come in.
func better(s State, a Answer, t State, b Answer) bool {
	if t.Terms == nil {
		return true
	}
	return cmp.Or(
		cmp.Compare(slices.Index(order, a.Code), slices.Index(order, b.Code)),
		cmp.Compare(slices.Index(granted, a.Reason), slices.Index(granted, b.Reason)),
		cmp.Compare(seatOrder(s.Seat), seatOrder(t.Seat)),
		later(a.Until, b.Until),
		strings.Compare(a.License, b.License),
	) < 0
}

// seatOrder has who has a seat already before who would take one.
func seatOrder(s Seat) int {
	if s == SeatHeld {
		return 0
	}
	return 1
}

// later has what lasts longer first; the zero time lasts for ever.
func later(x, y time.Time) int {
	switch {
	case x.Equal(y):
		return 0
	case x.IsZero(), !y.IsZero() && x.After(y):
		return -1
	}
	return 1
}

// HolderOf is who takes a seat of a licence, "" where it is not said.
func HolderOf(l License, q Question) string { return l.holder(q.Host, q.User) }

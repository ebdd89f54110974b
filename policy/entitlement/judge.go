package entitlement

import (
	"time"

	"github.com/oarlock/oarlock/policy"
)

// A Code is the answer to whether a plugin may run. The list is closed.
type Code string

// The answers. The zero Code could not tell.
const (
	Granted             Code = "granted"
	NoPurchase          Code = "no_purchase"
	SubscriptionExpired Code = "subscription_expired"
	SeatLimit           Code = "seat_limit"
	Suspended           Code = "suspended"
	ClockSuspect        Code = "clock_suspect"
	CouldNotTell        Code = "could_not_tell"
)

// A Reason is why, more closely than a Code.
type Reason string

// The reasons.
const (
	ReasonNotRequired    Reason = "not_required"
	ReasonLicensed       Reason = "licensed"
	ReasonLicenseGrace   Reason = "license_grace"    // it ended, and the seller's grace lasts
	ReasonExpiredWarn    Reason = "license_warned"   // it ended, and the seller lets all go on
	ReasonFallback       Reason = "license_fallback" // it ended, and this version is older than that
	ReasonLeaseGrace     Reason = "lease_grace"      // the lease ended, and the site's grace lasts
	ReasonNoLicense      Reason = "no_license"
	ReasonNotYet         Reason = "license_not_yet_valid"
	ReasonExpired        Reason = "license_expired"
	ReasonReleasedLater  Reason = "released_after_expiry"
	ReasonLeaseExpired   Reason = "lease_expired"
	ReasonSeatsTaken     Reason = "seats_taken"
	ReasonRevoked        Reason = "license_revoked"
	ReasonClock          Reason = "clock"
	ReasonNeedUnknown    Reason = "need_unknown"
	ReasonReleaseUnknown Reason = "release_unknown"
	ReasonUserNeeded     Reason = "user_needed"
	ReasonMalformed      Reason = "malformed"
)

// A Seat is whether whoever asks has a place under the licence.
type Seat string

// What a seat can be. The zero Seat was not asked for.
const (
	SeatHeld    Seat = "held"
	SeatFree    Seat = "free"
	SeatNone    Seat = "none"
	SeatUnnamed Seat = "unnamed" // seats are by user, and no user was named
)

// A Lease is for how long a seat is held, by whoever holds it.
type Lease struct {
	Holder    string    `json:"holder" example:"host:editor-1"`
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// GraceUntil is until when the holder goes on while nobody answers.
	GraceUntil time.Time `json:"grace_until"`
}

// An Offer is how a licence is come by.
type Offer struct {
	PurchaseURL string     `json:"purchase_url,omitempty"`
	Trial       *TrialDays `json:"trial,omitempty" doc:"Absent where none is offered, or the tenant had it."`
}

// TrialDays are how long a plugin may be tried.
type TrialDays struct {
	Days int `json:"days" minimum:"1" maximum:"366"`
}

// A State is all that is known of one plugin for who asks. It is what the desired
// state of a host carries, so that the host judges by what the server knew.
type State struct {
	Plugin string    `json:"plugin"`
	At     time.Time `json:"at" doc:"When this was said."`
	Need   Need      `json:"need" enum:"required,not_required,"`
	Terms  *Terms    `json:"terms,omitempty" doc:"Of the licence; absent where none is for the plugin."`
	Seat   Seat      `json:"seat,omitempty" enum:"held,free,none,unnamed"`
	Lease  *Lease    `json:"lease,omitempty"`
	Offer
}

// An Answer says whether a plugin may run, by what, and until when. The zero
// Answer could not tell, which denies.
type Answer struct {
	Code    Code        `json:"code" enum:"granted,no_purchase,subscription_expired,seat_limit,suspended,clock_suspect,could_not_tell"`
	Reason  Reason      `json:"reason" doc:"Why, more closely."`
	License string      `json:"license,omitempty" doc:"Id of the licence that it is by."`
	Type    LicenseType `json:"license_type,omitempty" enum:"perpetual,subscription,trial"`
	Until   time.Time   `json:"until,omitzero" doc:"End of the licence."`
	// GraceUntil is until when it goes on after an end.
	GraceUntil time.Time `json:"grace_until,omitzero" doc:"Until when it goes on after that."`
	// ReleasedBefore bounds the versions that go on.
	ReleasedBefore time.Time `json:"released_before,omitzero" doc:"Only versions released before it go on."`
	Offer
	Text string `json:"text" doc:"For the user, as a sentence."`
}

// Outcome is what a says as one of the three.
func (a Answer) Outcome() policy.Outcome {
	switch a.Code {
	case Granted:
		return policy.Allow
	case NoPurchase, SubscriptionExpired, SeatLimit, Suspended:
		return policy.Deny
	}
	return policy.Unknown
}

// An Instant is what time it is, for who judges.
type Instant struct {
	Now time.Time
	// Suspect: the clock contradicts what was signed, by too much to go on.
	Suspect bool
}

// Judge says whether a version that was released at some time may run. It is the
// one function by which server, host and command line answer. A zero released is
// not known.
func Judge(s State, at Instant, released time.Time) Answer {
	a := Answer{Code: CouldNotTell, Reason: ReasonNeedUnknown}
	switch s.Need {
	case NotRequired:
		a.Code, a.Reason = Granted, ReasonNotRequired
	case Required:
		a = s.judge(at, released)
	}
	switch {
	case a.Reason == ReasonNotRequired, a.Reason == ReasonLicensed && a.Type != Trial:
	case a.Code == Granted:
		a.Offer = Offer{PurchaseURL: s.PurchaseURL}
	default:
		a.Offer = s.Offer
	}
	a.Text = textOf(s.Plugin, a)
	return a
}

func (s State) judge(at Instant, released time.Time) Answer {
	if at.Suspect || s.Lease != nil && s.Lease.IssuedAt.After(at.Now.Add(Ahead)) {
		return Answer{Code: ClockSuspect, Reason: ReasonClock}
	}
	if s.Terms == nil {
		return Answer{Code: NoPurchase, Reason: ReasonNoLicense}
	}
	a := s.Terms.judge(at.Now, released)
	a.License, a.Type, a.Until = s.Terms.ID, s.Terms.Type, s.Terms.Until
	if a.Code != Granted {
		return a
	}
	switch s.Seat {
	case "", SeatFree:
		return a
	case SeatHeld:
		return s.leased(a, at.Now)
	case SeatNone:
		return a.refused(SeatLimit, ReasonSeatsTaken)
	case SeatUnnamed:
		return a.refused(CouldNotTell, ReasonUserNeeded)
	}
	return a.refused(CouldNotTell, ReasonMalformed)
}

// refused is a with another code and without a grace.
func (a Answer) refused(code Code, why Reason) Answer {
	a.Code, a.Reason, a.GraceUntil, a.ReleasedBefore = code, why, time.Time{}, time.Time{}
	return a
}

// judge says what the licence says, seats aside.
func (t Terms) judge(now, released time.Time) Answer {
	switch {
	case t.Suspended:
		return Answer{Code: Suspended, Reason: ReasonRevoked}
	case !t.whole():
		return Answer{Code: CouldNotTell, Reason: ReasonMalformed}
	case now.Before(t.From):
		return Answer{Code: NoPurchase, Reason: ReasonNotYet}
	case t.Until.IsZero(), now.Before(t.Until):
		return Answer{Code: Granted, Reason: ReasonLicensed, GraceUntil: t.GraceUntil}
	case now.Before(t.GraceUntil):
		return Answer{Code: Granted, Reason: ReasonLicenseGrace, GraceUntil: t.GraceUntil}
	case t.OnExpiry == Block:
		return Answer{Code: SubscriptionExpired, Reason: ReasonExpired}
	case t.OnExpiry == Warn:
		return Answer{Code: Granted, Reason: ReasonExpiredWarn}
	case released.IsZero():
		return Answer{Code: CouldNotTell, Reason: ReasonReleaseUnknown, ReleasedBefore: t.Until}
	case released.Before(t.Until):
		return Answer{Code: Granted, Reason: ReasonFallback, ReleasedBefore: t.Until}
	}
	return Answer{Code: SubscriptionExpired, Reason: ReasonReleasedLater, ReleasedBefore: t.Until}
}

// whole reports whether t says what it must.
func (t Terms) whole() bool {
	switch t.OnExpiry {
	case Block, Fallback, Warn:
	default:
		return false
	}
	switch t.Type {
	case Perpetual:
	case Subscription, Trial:
		if t.Until.IsZero() {
			return false
		}
	default:
		return false
	}
	return t.ID != "" && (t.GraceUntil.IsZero() || !t.Until.IsZero() && !t.GraceUntil.Before(t.Until))
}

// leased says what the lease says to what the licence grants.
func (s State) leased(a Answer, now time.Time) Answer {
	l := s.Lease
	if l == nil || l.Holder == "" || !l.IssuedAt.Before(l.ExpiresAt) || l.GraceUntil.Before(l.ExpiresAt) {
		return a.refused(CouldNotTell, ReasonMalformed)
	}
	switch {
	case now.Before(l.ExpiresAt):
		return a
	case now.Before(l.GraceUntil):
		if a.Reason == ReasonLicensed {
			a.Reason = ReasonLeaseGrace
		}
		if a.GraceUntil.IsZero() || l.GraceUntil.Before(a.GraceUntil) {
			a.GraceUntil = l.GraceUntil
		}
		return a
	}
	return a.refused(SubscriptionExpired, ReasonLeaseExpired)
}

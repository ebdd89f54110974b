// Package entitlementtest has the table of answers that server, host and command
// line all give, as data: cases.json for who can be asked, away.json for a host
// to which nobody answers.
package entitlementtest

import (
	"bytes"
	_ "embed" // the tables
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/entitlement"
)

//go:embed cases.json
var cases []byte

//go:embed away.json
var away []byte

// The site of the tables.
const (
	Tenant = "north"
	Host   = "editor-1"
	Plugin = "acme/paid" // of a case that names none
)

// The lease of the tables.
const (
	LeaseFor = 24 * time.Hour
	Grace    = 7 * 24 * time.Hour
)

// Tiers are those of the site, the lowest first.
func Tiers() []string { return []string{"free", "pro", "enterprise"} }

// Rules say what needs a licence there.
func Rules() entitlement.Rules {
	return entitlement.Rules{Plugins: []string{Plugin}, Publishers: []string{"goods"}, Tiers: []string{"pro"}}
}

// Offer is what Plugin offers.
func Offer(plugin string) entitlement.Offer {
	if plugin != Plugin {
		return entitlement.Offer{}
	}
	return entitlement.Offer{PurchaseURL: "https://acme.example/buy", Trial: &entitlement.TrialDays{Days: 14}}
}

// A License is one of a case. Its issuer sells for the publishers acme, goods and
// other, where Sells names none.
type License struct {
	entitlement.Terms
	entitlement.Grants
	Sells   []string       `json:"sells,omitempty"`
	Seats   int64          `json:"seats,omitempty"`
	SeatsBy entitlement.By `json:"seats_by,omitempty"`
}

// License is l of the site's tenant.
func (l License) License() entitlement.License {
	sells := l.Sells
	if sells == nil {
		sells = []string{"acme", "goods", "other"}
	}
	return entitlement.License{Terms: l.Terms, Grants: l.Grants, Issuer: "seller", Tenant: Tenant, Sells: sells, Seats: l.Seats, SeatsBy: l.SeatsBy}
}

// A Want is what is answered. What it leaves out of an offer is not compared.
type Want struct {
	Code           entitlement.Code        `json:"code"`
	Reason         entitlement.Reason      `json:"reason"`
	License        string                  `json:"license"`
	Type           entitlement.LicenseType `json:"license_type"`
	Until          time.Time               `json:"until"`
	GraceUntil     time.Time               `json:"grace_until"`
	ReleasedBefore time.Time               `json:"released_before"`
	PurchaseURL    string                  `json:"purchase_url"`
	Trial          int                     `json:"trial"`
	Text           string                  `json:"text"`
}

// Check compares an answer.
func (w Want) Check(t testing.TB, a entitlement.Answer) {
	t.Helper()
	got := Want{Code: a.Code, Reason: a.Reason, License: a.License, Type: a.Type, Until: a.Until, GraceUntil: a.GraceUntil, ReleasedBefore: a.ReleasedBefore}
	if w.PurchaseURL != "" {
		got.PurchaseURL = a.PurchaseURL
	}
	if w.Trial != 0 && a.Trial != nil {
		got.Trial = a.Trial.Days
	}
	if w.Text != "" {
		got.Text = a.Text
	}
	if a.Text == "" {
		t.Error("the user is told nothing")
	}
	if diff := cmp.Diff(w, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// A Case is one row of cases.json: what a tenant has, who asks, and when.
type Case struct {
	Name     string           `json:"name"`
	Plugin   string           `json:"plugin"`
	Tier     string           `json:"tier"`
	Released time.Time        `json:"released"` // of the version that is asked for
	Licenses []License        `json:"licenses"`
	Others   map[string]int64 `json:"others"` // seats that others have, by licence
	User     string           `json:"user"`
	Now      time.Time        `json:"now"`
	Want     Want             `json:"want"`
}

// An Away is one row of away.json: what was said to a host, the signed times that it
// saw after that, and its clock at each look. The last answer is compared.
type Away struct {
	Name     string      `json:"name"`
	Licenses []License   `json:"licenses"`
	Said     time.Time   `json:"said"`
	Saw      []time.Time `json:"saw"`
	Released time.Time   `json:"released"`
	Own      []time.Time `json:"own"`
	Want     struct {
		Code       entitlement.Code   `json:"code"`
		Reason     entitlement.Reason `json:"reason"`
		GraceUntil time.Time          `json:"grace_until"`
	} `json:"want"`
}

// Check compares an answer.
func (a Away) Check(t testing.TB, got entitlement.Answer) {
	t.Helper()
	if got.Code != a.Want.Code || got.Reason != a.Want.Reason || !got.GraceUntil.Equal(a.Want.GraceUntil) {
		t.Errorf("%s, %s, until %s; expected %s, %s, until %s", got.Code, got.Reason, got.GraceUntil, a.Want.Code, a.Want.Reason, a.Want.GraceUntil)
	}
}

// State is what was said to the host.
func (a Away) State(t testing.TB) entitlement.State {
	t.Helper()
	one := Case{Licenses: a.Licenses, Now: a.Said, Plugin: Plugin, Released: a.Released}
	return one.State(t)
}

// Cases are the rows of cases.json, with the plugin filled in.
func Cases(t testing.TB) []Case {
	t.Helper()
	rows := read[Case](t, cases)
	if len(rows) < 40 {
		t.Fatalf("%d cases, expected at least 40", len(rows))
	}
	for i := range rows {
		if rows[i].Plugin == "" {
			rows[i].Plugin = Plugin
		}
	}
	return rows
}

// Aways are the rows of away.json.
func Aways(t testing.TB) []Away {
	t.Helper()
	return read[Away](t, away)
}

func read[Row any](t testing.TB, raw []byte) []Row {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var rows []Row
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// State is what is known of a case once its host has taken the seat that it can have.
func (c Case) State(t testing.TB) entitlement.State {
	t.Helper()
	id, err := artifact.ParseName(c.Plugin)
	if err != nil {
		t.Fatal(err)
	}
	tiers, err := entitlement.NewTiers(Tiers())
	if err != nil {
		t.Fatal(err)
	}
	list, held := []entitlement.License{}, map[string]entitlement.Held{}
	for _, l := range c.Licenses {
		list = append(list, l.License())
		held[l.ID] = entitlement.Held{}
		for i := range c.Others[l.ID] {
			held[l.ID]["user:other-"+string(rune('a'+i))] = entitlement.Lease{}
		}
	}
	q := entitlement.Question{Plugin: id, Tier: c.Tier, Offer: Offer(c.Plugin), Host: Host, User: c.User}
	s := entitlement.Select(q, Rules(), tiers, list, held, entitlement.Instant{Now: c.Now}, c.Released)
	if s.Seat == entitlement.SeatFree {
		s.Seat, s.Lease = entitlement.SeatHeld, &entitlement.Lease{Holder: "host:" + Host, IssuedAt: c.Now, ExpiresAt: c.Now.Add(LeaseFor), GraceUntil: c.Now.Add(LeaseFor + Grace)}
	}
	return s
}

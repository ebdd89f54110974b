package license

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy/entitlement"
)

// An Issuer is a seller whose documents count.
type Issuer struct {
	Name string
	Keys []ed25519.PublicKey
	// Sells are the publishers whose plugins it may license; "*" is all.
	Sells []string
}

// Roots are whose documents count at a site. They come from its configuration.
type Roots struct {
	Site    string // that documents name in aud
	Issuers []Issuer
}

func (r Roots) issuer(name string) (Issuer, bool) {
	i := slices.IndexFunc(r.Issuers, func(i Issuer) bool { return i.Name == name })
	if i < 0 || name == "" {
		return Issuer{}, false
	}
	return r.Issuers[i], true
}

// claims are the payload of a licence. Times are seconds since 1970.
type claims struct {
	Issuer     string                  `json:"iss"`
	Tenant     string                  `json:"sub"`
	Site       string                  `json:"aud"`
	ID         string                  `json:"jti"`
	IssuedAt   int64                   `json:"iat"`
	From       int64                   `json:"nbf,omitempty"`
	Until      int64                   `json:"exp,omitempty"`
	GraceUntil int64                   `json:"grace_until,omitempty"`
	Type       entitlement.LicenseType `json:"license_type"`
	OnExpiry   entitlement.Expiry      `json:"on_expiry"`
	Grants     entitlement.Grants      `json:"grants"`
	Seats      int64                   `json:"seats,omitempty"`
	SeatsBy    entitlement.By          `json:"seats_by,omitempty"`
}

// maxSeats is how many seats a licence may have.
const maxSeats = 1_000_000_000

// Draft is a licence before it is signed.
type Draft struct {
	entitlement.License
	Site     string
	IssuedAt time.Time
}

// Issue signs a licence with the key of its issuer and gives the document. An id
// that is empty is made.
func Issue(key ed25519.PrivateKey, d Draft) (string, error) {
	c := claims{
		Issuer: d.Issuer, Tenant: d.Tenant, Site: d.Site, ID: d.ID, IssuedAt: secondsOf(d.IssuedAt),
		From: secondsOf(d.From), Until: secondsOf(d.Until), GraceUntil: secondsOf(d.GraceUntil),
		Type: d.Type, OnExpiry: d.OnExpiry, Grants: d.Grants, Seats: d.Seats, SeatsBy: d.SeatsBy,
	}
	if c.ID == "" {
		c.ID = strings.ToLower(rand.Text()[:20])
	}
	if c.Issuer == "" || c.Site == "" {
		return "", fmt.Errorf("licence: expected an issuer and a site: %w", artifact.ErrInvalid)
	}
	if _, err := c.license(); err != nil {
		return "", err
	}
	return sign(key, TypeLicense, c)
}

// Read reads a licence that an issuer of roots signed for its site. Errors are
// *index.Problem: license_malformed, license_unverified, license_elsewhere.
func Read(text string, roots Roots) (entitlement.License, error) {
	d, err := parse(text)
	if err != nil {
		return entitlement.License{}, err
	}
	if d.typ != TypeLicense {
		return entitlement.License{}, malformed("typ %s, expected %s", d.typ, TypeLicense)
	}
	var c claims
	if err := exactly(d.payload, &c); err != nil {
		return entitlement.License{}, malformed("payload: %s", plain(err))
	}
	by, err := d.verify(roots, c.Issuer)
	if err != nil {
		return entitlement.License{}, err
	}
	if err := here(c.Site, roots); err != nil {
		return entitlement.License{}, err
	}
	l, err := c.license()
	l.Sells = by.Sells
	return l, err
}

// here refuses a document for another site.
func here(aud string, roots Roots) error {
	if aud == roots.Site && aud != "" {
		return nil
	}
	return index.NewProblem(index.CodeLicenseElsewhere, fmt.Sprintf("the document is for the site %.120q, and this is %q", aud, roots.Site),
		"ask the seller for one for this site: the configuration names it under licenses.site, else it is public_url")
}

// license is what c says, once it says what a licence must.
func (c claims) license() (entitlement.License, error) {
	l := entitlement.License{Grants: c.Grants, Issuer: c.Issuer, Tenant: c.Tenant, Seats: c.Seats, SeatsBy: c.SeatsBy}
	l.ID, l.Type, l.OnExpiry = c.ID, c.Type, c.OnExpiry
	if err := checkID(c.ID); err != nil {
		return l, err
	}
	if err := artifact.CheckSegment(c.Tenant); err != nil {
		return l, malformed("sub: %s", plain(err))
	}
	for _, at := range []struct {
		name string
		from int64
		into *time.Time
	}{{"iat", c.IssuedAt, new(time.Time)}, {"nbf", c.From, &l.From}, {"exp", c.Until, &l.Until}, {"grace_until", c.GraceUntil, &l.GraceUntil}} {
		t, err := timeOf(at.name, at.from)
		if err != nil {
			return l, err
		}
		*at.into = t
	}
	if err := c.checkTimes(); err != nil {
		return l, err
	}
	if l.SeatsBy == "" {
		l.SeatsBy = entitlement.ByHost
	}
	if l.SeatsBy != entitlement.ByHost && l.SeatsBy != entitlement.ByUser {
		return l, malformed("seats_by %.40q, expected host or user", c.SeatsBy)
	}
	if c.Seats < 0 || c.Seats > maxSeats {
		return l, malformed("seats %d, expected 0 for any number, or up to %d", c.Seats, maxSeats)
	}
	return l, c.checkGrants()
}

// checkTimes refuses a type without the times that it needs, or with others.
func (c claims) checkTimes() error {
	switch c.Type {
	case entitlement.Perpetual:
		if c.Until != 0 {
			return malformed("a perpetual licence has no exp: one that keeps what was released before its end is a subscription with on_expiry fallback")
		}
	case entitlement.Subscription, entitlement.Trial:
		if c.Until == 0 {
			return malformed("a %s has an end: exp is missing", c.Type)
		}
	default:
		return malformed("license_type %.40q, expected perpetual, subscription or trial", c.Type)
	}
	switch {
	case c.OnExpiry != entitlement.Block && c.OnExpiry != entitlement.Fallback && c.OnExpiry != entitlement.Warn:
		return malformed("on_expiry %.40q, expected block, fallback or warn", c.OnExpiry)
	case c.IssuedAt == 0:
		return malformed("iat is missing: when it was issued")
	case c.Until != 0 && c.From >= c.Until:
		return malformed("exp is not after nbf")
	case c.GraceUntil != 0 && c.GraceUntil < c.Until, c.GraceUntil != 0 && c.Until == 0:
		return malformed("grace_until is before exp, or there is no exp")
	}
	return nil
}

func (c claims) checkGrants() error {
	g := c.Grants
	if len(g.Plugins)+len(g.Publishers)+len(g.Tiers) == 0 {
		return malformed("grants: empty, expected plugins, publishers or tiers")
	}
	if err := checkList("grants.plugins", g.Plugins, func(s string) error { _, err := artifact.ParseName(s); return err }); err != nil {
		return err
	}
	if err := checkList("grants.publishers", g.Publishers, artifact.CheckSegment); err != nil {
		return err
	}
	return checkList("grants.tiers", g.Tiers, artifact.CheckSegment)
}

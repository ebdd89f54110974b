package ledger

import (
	"time"
)

// The kinds of statements about a publisher.
const (
	PublisherClaimed     Kind = "publisher.claimed"
	PublisherConfigured  Kind = "publisher.configured"
	PublisherTransferred Kind = "publisher.transferred"
	PublisherClosed      Kind = "publisher.closed"
	PublisherVerified    Kind = "publisher.verified"
	PublisherUnverified  Kind = "publisher.unverified"
	MemberSet            Kind = "member.set"
	MemberRemoved        Kind = "member.removed"
	KeyAdded             Kind = "key.added"
	KeyRevoked           Kind = "key.revoked"
)

// The bodies of these kinds. Principals are named as the site names them, such
// as "person:ada".
type (
	// Claimed is the first statement of every publisher.
	Claimed struct {
		Owner   string `json:"owner"`
		Private bool   `json:"private,omitempty"`
	}
	// Configured tells all settings as they are from then on.
	Configured struct {
		Private       bool `json:"private"`
		PublishingOff bool `json:"publishing_off"`
	}
	// Transferred makes To an owner; From are owners no more.
	Transferred struct {
		To   string   `json:"to"`
		From []string `json:"from"`
	}
	// Closed lets nothing new in, for good.
	Closed struct{}
	// Member gives a principal a role in place of the one that it had.
	Member struct {
		Principal string `json:"principal"`
		Role      string `json:"role"` // owner, maintainer, publisher, reader
	}
	// Removed takes a principal's role.
	Removed struct {
		Principal string `json:"principal"`
	}
	// Key is a public key of the publisher; what it signed from From on counts.
	Key struct {
		Name string    `json:"name"`
		PEM  string    `json:"pem"`
		ID   string    `json:"id"` // digest of its PKIX form
		From time.Time `json:"from"`
	}
	// KeyEnd revokes a key: nothing that it signed from From on counts.
	KeyEnd struct {
		ID     string    `json:"id"`
		From   time.Time `json:"from"`
		Reason string    `json:"reason"`
	}
	// Verified says that the publisher is who it seems to be, and by what.
	Verified struct {
		// Evidence is one of the kinds below.
		Evidence string `json:"evidence"`
		Domain   string `json:"domain,omitempty"` // EvidenceDNS
		Record   string `json:"record,omitempty"` // the TXT record that was found
		Issuer   string `json:"issuer,omitempty"` // EvidenceOIDC
		Claim    string `json:"claim,omitempty"`  // what the login's claims gave
		Note     string `json:"note,omitempty"`   // EvidenceAdministrator
	}
	// Unverified takes that back.
	Unverified struct {
		Reason string `json:"reason"`
	}
)

// What a publisher was verified by.
const (
	EvidenceDNS           = "dns"
	EvidenceOIDC          = "oidc"
	EvidenceAdministrator = "administrator"
)

// The roles in which actors act.
const (
	RoleOwner    = "owner"
	RolePlatform = "platform" // the site itself, or one of its admins and reviewers
)

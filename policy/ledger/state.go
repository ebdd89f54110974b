package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
)

// A State is what a ledger says up to its Head. It is a value: what Next gives
// shares nothing that changes.
type State struct {
	Head format.Head `json:"head"`
	// At is the time of the last statement.
	At time.Time `json:"at"`
	// Platform is the key of the site that began the ledger.
	Platform digest.Digest `json:"platform,omitempty"`
	// First is the first statement, by which a ledger is known wherever it is.
	First digest.Digest `json:"first,omitempty"`
	// Publisher is what the ledger of a publisher says; nil for a plugin's.
	Publisher *Publisher `json:"publisher,omitempty"`
	// Plugin is what the ledger of a plugin says; nil for a publisher's.
	Plugin *Plugin `json:"plugin,omitempty"`
}

// A Publisher is the record of a publisher.
type Publisher struct {
	Name          string            `json:"name"`
	ClaimedAt     time.Time         `json:"claimed_at"`
	Private       bool              `json:"private"`
	PublishingOff bool              `json:"publishing_off"`
	ClosedAt      *time.Time        `json:"closed_at,omitempty"`
	Members       map[string]string `json:"members"` // principal → role
	Keys          []Key             `json:"keys"`    // in the order in which they were added
	Verified      *Verification     `json:"verified,omitempty"`
}

// A Key is one that the publisher has, or had.
type Key struct {
	format.Key
	AddedAt time.Time `json:"added_at"`
	// RevokedFrom is from when on nothing that it signed counts.
	RevokedAt   *time.Time `json:"revoked_at,omitempty"`
	RevokedFrom *time.Time `json:"revoked_from,omitempty"`
	Reason      string     `json:"revocation_reason,omitempty"`
}

// A Verification says by what the publisher was verified, when and by whom.
type Verification struct {
	format.Verified
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Sequence int       `json:"sequence"`
}

func (p *Publisher) clone() *Publisher {
	if p == nil {
		return nil
	}
	c := *p
	c.Members, c.Keys = maps.Clone(p.Members), slices.Clone(p.Keys)
	return &c
}

// IsVerified reports whether the publisher is verified now.
func (p *Publisher) IsVerified() bool { return p != nil && p.Verified != nil }

// Key finds one of the publisher's keys.
func (p *Publisher) Key(id string) (Key, bool) {
	if p == nil {
		return Key{}, false
	}
	i := slices.IndexFunc(p.Keys, func(k Key) bool { return k.ID == id })
	if i < 0 {
		return Key{}, false
	}
	return p.Keys[i], true
}

// ActiveKeys are those that were not revoked.
func (p *Publisher) ActiveKeys() []Key {
	if p == nil {
		return nil
	}
	var out []Key
	for _, k := range p.Keys {
		if k.RevokedAt == nil {
			out = append(out, k)
		}
	}
	return out
}

// Owners are the principals who own the publisher, sorted.
func (p *Publisher) Owners() []string {
	if p == nil {
		return nil
	}
	var out []string
	for principal, role := range p.Members {
		if role == format.RoleOwner {
			out = append(out, principal)
		}
	}
	slices.Sort(out)
	return out
}

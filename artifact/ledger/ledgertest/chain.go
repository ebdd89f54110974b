// Package ledgertest makes ledgers for tests, good ones and bad ones.
package ledgertest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	format "github.com/oarlock/oarlock/artifact/ledger"
)

// Day is when the first statement of a Chain is made; each following one is a
// minute later.
var Day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// An Entry is one statement in all its layers.
type Entry struct {
	Statement          format.Statement
	Envelope, Manifest []byte
	Descriptor         ocispec.Descriptor
}

// A Chain is a ledger that grows.
type Chain struct {
	Ref     format.Ref
	Sign    func(payload []byte) []format.Signature // nil writes a signature that nobody made
	Entries []Entry
}

// New is an empty ledger with the name given, as ledger.ParseRef reads it.
func New(t testing.TB, name string, sign func([]byte) []format.Signature) *Chain {
	t.Helper()
	ref, err := format.ParseRef(name)
	if err != nil {
		t.Fatal(err)
	}
	return &Chain{Ref: ref, Sign: sign}
}

// Clone is a copy of c that grows by itself.
func (c *Chain) Clone() *Chain {
	return &Chain{c.Ref, c.Sign, append([]Entry(nil), c.Entries...)}
}

// Add appends a statement after change has had it; change may be nil.
func (c *Chain) Add(t testing.TB, kind format.Kind, actor, role string, body any, change func(*format.Statement)) Entry {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	n := len(c.Entries)
	s := format.Statement{Ledger: c.Ref, Kind: kind, Sequence: n + 1, ID: fmt.Sprintf("%s %d", kind, n+1), Time: Day.Add(time.Duration(n) * time.Minute),
		Actor: actor, Role: role, Subject: c.Ref.Subject(), Body: raw}
	if n > 0 {
		s.Previous = c.Entries[n-1].Descriptor.Digest
	}
	if change != nil {
		change(&s)
	}
	e := c.entry(t, s)
	c.Entries = append(c.Entries, e)
	return e
}

func (c *Chain) entry(t testing.TB, s format.Statement) Entry {
	t.Helper()
	payload, err := s.Payload()
	if err != nil {
		t.Fatal(err)
	}
	signatures := []format.Signature{{Sig: []byte("nobody's")}}
	if c.Sign != nil {
		signatures = c.Sign(payload)
	}
	e := Entry{Statement: s}
	if e.Envelope, err = (&format.Envelope{Payload: payload, Signatures: signatures}).Bytes(); err != nil {
		t.Fatal(err)
	}
	if e.Manifest, e.Descriptor, err = format.BuildManifest(e.Envelope); err != nil {
		t.Fatal(err)
	}
	return e
}

// Claim begins the ledger of a publisher.
func (c *Chain) Claim(t testing.TB, owner string) Entry {
	t.Helper()
	return c.Add(t, format.PublisherClaimed, owner, format.RoleOwner, format.Claimed{Owner: owner}, nil)
}

// Verify says that the publisher is verified.
func (c *Chain) Verify(t testing.TB) Entry {
	t.Helper()
	return c.Add(t, format.PublisherVerified, "admin:root", format.RolePlatform, format.Verified{Evidence: format.EvidenceAdministrator, Note: "known"}, nil)
}

// Index is the index of the statements so far.
func (c *Chain) Index(t testing.TB) []byte {
	t.Helper()
	list := make([]ocispec.Descriptor, len(c.Entries))
	for i, e := range c.Entries {
		list[i] = e.Descriptor
	}
	raw, err := format.BuildList(list)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// List is Index as it is read.
func (c *Chain) List(t testing.TB) *format.List {
	t.Helper()
	l, err := format.ParseList(ocispec.MediaTypeImageIndex, c.Index(t))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

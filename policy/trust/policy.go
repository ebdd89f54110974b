package trust

import (
	"cmp"
	"crypto"
	"encoding/json"
	"maps"
	"slices"

	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
)

// Everyone is the namespace that speaks for all publishers without their own.
const Everyone = "*"

// A Policy says for each namespace whose signatures count. The zero Policy
// trusts nobody. It is immutable.
type Policy struct {
	namespaces map[string]*Namespace
	roots      [][]byte
	platforms  []Signer
	logs       []string
}

// A Namespace is the trust of one publisher.
type Namespace struct {
	// Name is the publisher, or Everyone.
	Name string
	// Optional lets versions without a trusted signature pass.
	Optional bool
	// Threshold is how many different signers must have signed; at least 1.
	Threshold int
	Signers   []Signer
	// LedgerKeys says that the keys of the publisher's own ledger count beside
	// Signers: see With.
	LedgerKeys bool
	// Attestations say which attestations count and which are required. Each
	// is signed by one of Signers; Threshold is for the version alone.
	Attestations []Attestation
	digest       digest.Digest
	roots        [][]byte
}

// A Signer is trusted to sign: by a key, or by an identity. Several of one
// Name are the keys of one signer, who counts once.
type Signer struct {
	Name string
	// Key is *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey, or nil.
	Key crypto.PublicKey
	// Identity is whom a certificate must name, or nil.
	Identity *Identity
	// Validity says which of its signatures count, by their time.
	Validity Validity
	// ID is the digest of the key's PKIX form, or of the identity: the same
	// wherever it comes from.
	ID digest.Digest
	// Origin is the key of a publisher's ledger that it is, or nil for a signer
	// that the policy itself names.
	Origin *policy.LedgerKey
	// OfLedger says that the publisher's ledger establishes its key too, whoever
	// else names it: what it signs, the publisher signs. See With.
	OfLedger bool
}

// Publishers reports whether the signer of that name is the publisher: one of
// its keys is in the publisher's ledger.
func (ns *Namespace) Publishers(name string) bool {
	return ns != nil && slices.ContainsFunc(ns.Signers, func(s Signer) bool { return s.Name == name && s.OfLedger })
}

// TrustedRoots are the sigstore trusted roots (JSON) whose certificates,
// timestamps and logs count. They must not be changed.
func (p *Policy) TrustedRoots() [][]byte {
	if p == nil {
		return nil
	}
	return p.roots
}

// For is the trust that decides about a publisher: its own, else Everyone's.
// It is nil where nothing speaks for the publisher; a nil Policy has none.
func (p *Policy) For(publisher string) *Namespace {
	if p == nil {
		return nil
	}
	if ns, ok := p.namespaces[publisher]; ok {
		return ns
	}
	return p.namespaces[Everyone]
}

// Namespaces are all namespaces that the policy speaks for, by name.
func (p *Policy) Namespaces() []*Namespace {
	if p == nil {
		return nil
	}
	var out []*Namespace
	for _, name := range slices.Sorted(maps.Keys(p.namespaces)) {
		out = append(out, p.namespaces[name])
	}
	return out
}

// Digest is equal for policies that judge alike: comments, order and the place
// of keys do not matter.
func (p *Policy) Digest() digest.Digest {
	var all []string
	for _, ns := range p.Namespaces() {
		all = append(all, ns.Name+" "+ns.Digest().String())
	}
	for _, s := range p.Platforms() {
		all = append(all, "platform "+s.Name+" "+s.ID.String())
	}
	return digestOf(all)
}

// Digest is equal for namespaces that judge alike, whatever they are called.
// The digest of a nil Namespace stands for trusting nobody.
func (ns *Namespace) Digest() digest.Digest {
	if ns == nil {
		return digestOf(nil)
	}
	return ns.digest
}

// Required reports whether a version without a trusted signature must wait.
// A nil Namespace requires one.
func (ns *Namespace) Required() bool { return ns == nil || !ns.Optional }

func (ns *Namespace) seal(roots [][]byte) {
	ns.roots = roots
	type signer struct {
		Name     string
		ID       digest.Digest
		Validity *Validity `json:",omitempty"`
		OfLedger bool      `json:",omitempty"`
	}
	said := struct {
		Optional  bool
		Threshold int
		Signers   []signer
		Roots     []string `json:",omitempty"`
		// In the order of the file: reasons come in that order.
		Attestations []Attestation `json:",omitempty"`
		LedgerKeys   bool          `json:",omitempty"`
	}{ns.Optional, ns.Threshold, nil, nil, ns.Attestations, ns.LedgerKeys}
	rooted := ns.LedgerKeys
	for _, s := range ns.Signers {
		one := signer{Name: s.Name, ID: s.ID, OfLedger: s.OfLedger}
		if !s.Validity.Always() {
			one.Validity = &s.Validity
		}
		said.Signers = append(said.Signers, one)
		rooted = rooted || s.Identity != nil || s.Validity.needsTime()
	}
	for _, raw := range roots {
		if rooted {
			said.Roots = append(said.Roots, digest.FromBytes(raw).String())
		}
	}
	slices.Sort(said.Roots)
	slices.SortFunc(said.Signers, func(a, b signer) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Name, b.Name))
	})
	ns.digest = digestOf(said)
}

func digestOf(v any) digest.Digest {
	raw, err := json.Marshal(v)
	if err != nil { // strings, numbers and booleans only
		panic(err)
	}
	return digest.FromBytes(raw)
}

package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

// Options of a Service. All of them must be given.
type Options struct {
	Store      Store
	Catalog    Catalog
	Registry   Registry
	Rights     Rights
	Acts       audit.Log
	Statements *Statements
	// Own is the id of the site's own key.
	Own digest.Digest
	// Platforms are those whose ledgers count now, the site's own first.
	Platforms func() []trust.Signer
	DNS       TXTResolver
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// A Service answers what the ledgers say of publishers, and adds to them. Its
// errors are *index.Problem or of a kind of artifact.
type Service struct {
	Readers
	o Options
}

// New makes a Service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{Readers{o.Store, o.Catalog, o.Rights}, o}
}

// standing is what is known of a publisher that the caller may know of. Of one
// that is not there as much is asked as of one that he may not know of: the time
// of an answer must not tell them apart.
func (s *Service) standing(ctx context.Context, name string) (ledger.Standing, error) {
	known, ok := s.o.Catalog.Publisher(name)
	there := ok && (known.Counts.Publisher != nil || len(known.Problems()) > 0)
	private, err := s.private(ctx, name, known.Counts.Publisher)
	if err != nil {
		return known, err
	}
	if there && !private {
		return known, nil
	}
	sees, err := s.o.Rights.Can(ctx, auth.MembersRead, auth.InNamespace(name))
	if err != nil {
		return known, err
	}
	if !there || !sees {
		return known, fmt.Errorf("publisher %q: there is no ledger of it here: %w", name, artifact.ErrNotFound)
	}
	return known, nil
}

// Publisher is the record of a publisher, wherever its ledger came from.
func (s *Service) Publisher(ctx context.Context, name string) (index.Publisher, error) {
	known, err := s.standing(ctx, name)
	if err != nil {
		return index.Publisher{}, err
	}
	p := index.Publisher{Name: name, Publishing: "on", Owners: []string{}, Keys: []index.PublisherKey{}, Problems: []index.LedgerProblem{},
		Ledger: index.LedgerHead{Reference: known.Ref.String(), Sequence: known.Counts.Head.Sequence, Head: known.Counts.Head.Digest,
			Platform: known.Counts.Platform.String(), Foreign: known.Counts.Platform != "" && known.Counts.Platform != s.o.Own}}
	for _, f := range known.Problems() {
		p.Problems = append(p.Problems, index.LedgerProblem{Code: f.Code, Detail: f.Detail, Sequence: f.Sequence, Digest: f.Digest})
	}
	said := known.Counts.Publisher
	if said == nil {
		return p, nil
	}
	p.ClaimedAt, p.Private, p.ClosedAt, p.Owners = said.ClaimedAt, said.Private, said.ClosedAt, said.Owners()
	if said.PublishingOff {
		p.Publishing = "off"
	}
	for _, k := range said.Keys {
		p.Keys = append(p.Keys, index.PublisherKey{Name: k.Name, ID: k.ID, PEM: k.PEM, From: k.From, AddedAt: k.AddedAt,
			RevokedAt: k.RevokedAt, RevokedFrom: k.RevokedFrom, Reason: k.Reason})
	}
	if v := said.Verified; v != nil {
		p.Verified = &index.VerifiedBy{Evidence: v.Evidence, Domain: v.Domain, Record: v.Record, Issuer: v.Issuer, Claim: v.Claim, Note: v.Note, At: v.At, By: v.By, Sequence: v.Sequence}
	}
	if mine, err := s.o.Rights.Can(ctx, auth.KeysManage, auth.InNamespace(name)); err == nil && mine {
		p.Proof = map[string]string{format.EvidenceDNS: proofs(known.Counts)[0]}
	}
	return p, nil
}

package app

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/ledger"
	judged "github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

var _ api.Publishers = desk{}

// standing is what is known of a publisher that the caller may know of.
func (d desk) standing(ctx context.Context, name string) (ingest.PublisherStanding, error) {
	none := fmt.Errorf("publisher %q: there is no ledger of it here: %w", name, artifact.ErrNotFound)
	s, ok := d.ledgers.index.ingest.Publisher(name)
	if !ok || s.Counts.Publisher == nil && len(s.Problems()) == 0 {
		return s, none
	}
	private, err := d.private(ctx, name, s.Counts.Publisher)
	if err != nil {
		return s, err
	}
	if private {
		sees, err := d.manages(ctx, auth.MembersRead, name)
		if err != nil {
			return s, err
		}
		if !sees {
			return s, none
		}
	}
	return s, nil
}

// private is what the site says of a namespace that it has, and else what the
// ledger says.
func (d desk) private(ctx context.Context, name string, p *judged.Publisher) (bool, error) {
	n, err := d.a.store.Namespace(ctx, name)
	switch {
	case err == nil:
		return !n.Public, nil
	case !errors.Is(err, artifact.ErrNotFound):
		return false, err
	}
	return p != nil && p.Private, nil
}

// manages reports whether the caller may do an action to a namespace. On a
// server that is for trying out everybody may do everything.
func (d desk) manages(ctx context.Context, action auth.Action, name string) (bool, error) {
	if d.a.cfg.Dev {
		return true, nil
	}
	got, err := d.a.Decide(ctx, auth.From(ctx), action, auth.InNamespace(name))
	return got.Allowed(), err
}

// Publisher implements api.Publishers.
func (d desk) Publisher(ctx context.Context, name string) (index.Publisher, error) {
	s, err := d.standing(ctx, name)
	if err != nil {
		return index.Publisher{}, err
	}
	p := index.Publisher{Name: name, Publishing: "on", Owners: []string{}, Keys: []index.PublisherKey{}, Problems: []index.LedgerProblem{},
		Ledger: index.LedgerHead{Reference: s.Ref.String(), Sequence: s.Counts.Head.Sequence, Head: s.Counts.Head.Digest,
			Platform: s.Counts.Platform.String(), Foreign: s.Counts.Platform != "" && s.Counts.Platform != d.ledgers.platform.Trusted.ID}}
	for _, f := range s.Problems() {
		p.Problems = append(p.Problems, index.LedgerProblem{Code: f.Code, Detail: f.Detail, Sequence: f.Sequence, Digest: f.Digest})
	}
	said := s.Counts.Publisher
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
	if mine, err := d.manages(ctx, auth.KeysManage, name); err == nil && mine {
		p.Proof = map[string]string{format.EvidenceDNS: proofs(s.Counts)[0]}
	}
	return p, nil
}

// PublisherLedger implements api.Publishers.
func (d desk) PublisherLedger(ctx context.Context, name string, after, limit int) (index.LedgerPage, error) {
	s, err := d.standing(ctx, name)
	if err != nil {
		return index.LedgerPage{}, err
	}
	page := index.LedgerPage{Items: []index.LedgerStatement{}, Total: s.State.Head.Sequence}
	if s.List == "" {
		return page, nil
	}
	reader := stored{d.ledgers.registry, s.Ref.Repository()}
	mediaType, raw, err := reader.Manifest(ctx, s.List)
	if err != nil {
		return page, err
	}
	list, err := format.ParseList(mediaType, raw)
	if err != nil {
		return page, err
	}
	list.Statements = list.Statements[:min(len(list.Statements), s.State.Head.Sequence)]
	entries, err := judged.Statements(ctx, list, reader, after+1, limit)
	if err != nil {
		return page, err
	}
	for _, e := range entries {
		one := index.LedgerStatement{Sequence: e.Sequence, Digest: e.Digest, Kind: string(e.Kind), At: e.Time, Actor: e.Actor, Role: e.Role, Subject: e.Subject}
		if err := json.Unmarshal(e.Body, &one.Body); err != nil {
			return page, err
		}
		page.Items = append(page.Items, one)
	}
	if last := after + len(entries); len(entries) > 0 && last < page.Total {
		page.Next = last
	}
	return page, nil
}

// PlatformKeys implements api.Publishers.
func (d desk) PlatformKeys(context.Context) ([]index.PlatformKey, error) {
	var out []index.PlatformKey
	own := d.ledgers.platform.Trusted
	for _, s := range d.ledgers.platform.Platforms(d.ledgers.index.basis.Signed.Trust()) {
		der, err := x509.MarshalPKIXPublicKey(s.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, index.PlatformKey{Name: s.Name, ID: s.ID.String(), Own: s.ID == own.ID,
			PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
	}
	return out, nil
}

// may asks for an action on a namespace, or on the site.
func (d desk) may(ctx context.Context, action auth.Action, r auth.Resource) (auth.Principal, error) {
	by, err := d.caller(ctx)
	if err != nil {
		return by, err
	}
	return by, d.a.may(ctx, action, r)
}

// AddPublisherKey implements api.Publishers.
func (d desk) AddPublisherKey(ctx context.Context, name string, k index.NewPublisherKey) (index.Publisher, error) {
	by, err := d.may(ctx, auth.KeysManage, auth.InNamespace(name))
	if err != nil {
		return index.Publisher{}, err
	}
	key, err := trust.ParseKey([]byte(k.PEM))
	if err != nil {
		return index.Publisher{}, err
	}
	signer, err := trust.NewSigner(k.Name, key)
	if err != nil {
		return index.Publisher{}, err
	}
	from := d.always(name)
	if k.From != nil {
		from = k.From.UTC()
	}
	body := format.Key{Name: k.Name, PEM: k.PEM, ID: signer.ID.String(), From: from}
	return d.stated(ctx, by, audit.Right{Action: auth.KeysManage, On: auth.InNamespace(name)}, auth.KeysManage, name, format.KeyAdded, body)
}

// always is a time before which nothing of a publisher was signed: a key that
// counts from then on is not bound, so no signature by it has to prove its time.
func (d desk) always(publisher string) time.Time {
	if s, ok := d.ledgers.index.ingest.Publisher(publisher); ok && s.Counts.Publisher != nil {
		return s.Counts.Publisher.ClaimedAt
	}
	return time.Unix(0, 0).UTC()
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Now().UTC().Truncate(time.Second)
	}
	return t.UTC()
}

// RevokePublisherKey implements api.Publishers.
func (d desk) RevokePublisherKey(ctx context.Context, name, id string, r index.KeyRevocation) (index.Publisher, error) {
	by, err := d.may(ctx, auth.KeysManage, auth.InNamespace(name))
	if err != nil {
		return index.Publisher{}, err
	}
	body := format.KeyEnd{ID: "sha256:" + fingerprint(id), From: moment(r.From), Reason: r.Reason}
	return d.stated(ctx, by, audit.Right{Action: auth.KeysManage, On: auth.InNamespace(name)}, auth.KeysManage, name, format.KeyRevoked, body)
}

// stated writes down in the audit log that a statement is about to be made,
// appends it, writes down where it is, and shows the publisher after it. What
// cannot be written down is not stated.
func (d desk) stated(ctx context.Context, by auth.Principal, needs audit.Right, action auth.Action, name string, kind format.Kind, body any) (index.Publisher, error) {
	if _, err := d.standing(ctx, name); err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return index.Publisher{}, err
	}
	role := ""
	if v, ok := body.(format.Verified); ok && v.Evidence == format.EvidenceAdministrator {
		role = format.RolePlatform // even of one who owns it
	}
	err := d.a.do(ctx, audit.Act{Action: action, On: auth.InNamespace(name), Needs: &needs, Planned: map[string]any{"begun": true, "kind": kind, "body": body}},
		func(ctx context.Context) (any, error) {
			entry, err := d.ledgers.state(ctx, name, by.Name, role, kind, body)
			if err != nil {
				return nil, err
			}
			return map[string]any{"kind": kind, "statement": entry.Head.String(), "body": body}, nil
		})
	switch {
	case errors.Is(err, ledger.ErrForeign):
		return index.Publisher{}, index.NewProblem(index.CodeConflict, fmt.Sprintf("the ledger of %s came here by a mirror and grows where it comes from", name), "make the change at the registry that it comes from, and mirror it again")
	case err != nil:
		return index.Publisher{}, err
	}
	return d.Publisher(ctx, name)
}

// proofs are the TXT records that prove that a domain's owner means this
// publisher: by the ledger's first statement, which is nowhere else, or by the
// fingerprint of a key.
func proofs(s judged.State) []string {
	if s.Publisher == nil {
		return []string{""}
	}
	out := []string{record(s.Publisher.Name, fingerprint(s.First.String())[:32])}
	for _, k := range s.Publisher.ActiveKeys() {
		out = append(out, record(s.Publisher.Name, k.ID))
	}
	return out
}

const recordPrefix = "oarlock-verify="

func record(publisher, token string) string {
	return recordPrefix + publisher + ":" + strings.ToLower(token)
}

package publisher

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/policy/trust"
)

// PlatformKeys are those whose ledgers count at this site, its own first.
func (s *Service) PlatformKeys(context.Context) ([]index.PlatformKey, error) {
	var out []index.PlatformKey
	for _, p := range s.o.Platforms() {
		der, err := x509.MarshalPKIXPublicKey(p.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, index.PlatformKey{Name: p.Name, ID: p.ID.String(), Own: p.ID == s.o.Own,
			PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
	}
	return out, nil
}

// AddPublisherKey has a key count as the publisher's.
func (s *Service) AddPublisherKey(ctx context.Context, name string, k index.NewPublisherKey) (index.Publisher, error) {
	needs := audit.Right{Action: auth.KeysManage, On: auth.InNamespace(name)}
	by, err := s.may(ctx, needs)
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
	from := s.always(name)
	if k.From != nil {
		from = k.From.UTC()
	}
	body := format.Key{Name: k.Name, PEM: k.PEM, ID: signer.ID.String(), From: from}
	return s.stated(ctx, by, needs, auth.KeysManage, name, format.KeyAdded, body)
}

// always is a time before which nothing of a publisher was signed: a key that
// counts from then on is not bound, so no signature by it has to prove its time.
func (s *Service) always(publisher string) time.Time {
	if known, ok := s.o.Catalog.Publisher(publisher); ok && known.Counts.Publisher != nil {
		return known.Counts.Publisher.ClaimedAt
	}
	return time.Unix(0, 0).UTC()
}

func (s *Service) moment(t *time.Time) time.Time {
	if t == nil {
		return s.o.Now().UTC().Truncate(time.Second)
	}
	return t.UTC()
}

// RevokePublisherKey says from when on nothing that a key signed counts.
func (s *Service) RevokePublisherKey(ctx context.Context, name, id string, r index.KeyRevocation) (index.Publisher, error) {
	needs := audit.Right{Action: auth.KeysManage, On: auth.InNamespace(name)}
	by, err := s.may(ctx, needs)
	if err != nil {
		return index.Publisher{}, err
	}
	body := format.KeyEnd{ID: "sha256:" + fingerprint(id), From: s.moment(r.From), Reason: r.Reason}
	return s.stated(ctx, by, needs, auth.KeysManage, name, format.KeyRevoked, body)
}

// fingerprint is a key's id without its algorithm.
func fingerprint(id string) string { return strings.TrimPrefix(id, "sha256:") }

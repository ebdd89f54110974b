package trust

import (
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/policy"
)

// With is the namespace as it judges one publisher, whose ledger establishes
// keys: they are signers beside its own, and all of them are one, since each
// may add another. A namespace without LedgerKeys stays as it is. Where a key
// is a signer's already, it keeps that name, and is revoked where the ledger
// says so. Errors wrap artifact.ErrInvalid.
func (ns *Namespace) With(keys *policy.LedgerKeys) (*Namespace, error) {
	if ns == nil || !ns.LedgerKeys || keys == nil {
		return ns, nil
	}
	own := *ns
	own.Signers = slices.Clone(ns.Signers)
	for _, k := range keys.Keys {
		s, err := ledgerSigner(keys.Publisher, k)
		if err != nil {
			return nil, fmt.Errorf("key %q of %s: %w", k.Name, k.Ledger, err)
		}
		i := slices.IndexFunc(own.Signers, func(o Signer) bool { return o.ID == s.ID })
		if i < 0 {
			own.Signers = append(own.Signers, s)
			continue
		}
		if own.Signers[i].OfLedger = true; own.Signers[i].Validity.Revoked == nil {
			own.Signers[i].Validity.Revoked = s.Validity.Revoked
		}
	}
	own.seal(ns.roots)
	return &own, nil
}

func ledgerSigner(publisher string, k policy.LedgerKey) (Signer, error) {
	key, err := ParseKey([]byte(k.PEM))
	if err != nil {
		return Signer{}, err
	}
	s, err := NewSigner(publisher+"'s ledger", key)
	if err != nil {
		return Signer{}, err
	}
	s.OfLedger = true
	s.Origin, s.Validity.NotBefore = &k, k.NotBefore
	if !k.RevokedFrom.IsZero() {
		s.Validity.Revoked = &Revocation{From: k.RevokedFrom, KeepBefore: true}
	}
	return s, nil
}

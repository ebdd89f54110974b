package trust_test

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// inLedger is the key of a signer as a ledger establishes it.
func inLedger(t *testing.T, s trust.Signer) policy.LedgerKey {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	return policy.LedgerKey{Ledger: "oarlock/publishers:acme", Name: s.Name, ID: s.ID, PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
}

func TestKeysOfALedgerCountWhereThePolicySaysSo_G3(t *testing.T) {
	t.Parallel()
	const signers = "signers: [{name: ci, key: {file: acme-ci.pub}}]"
	without, with := parse(t, "namespaces: {acme: {"+signers+"}}").For("acme"), parse(t, "namespaces: {acme: {ledger_keys: true, threshold: 2, "+signers+"}}").For("acme")
	only := parse(t, "namespaces: {'*': {ledger_keys: true}}").For("acme")
	key := inLedger(t, with.Signers[0])
	revoked := key
	revoked.RevokedFrom = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	by := func(ns *trust.Namespace, keys ...policy.LedgerKey) *trust.Namespace {
		t.Helper()
		out, err := ns.With(&policy.LedgerKeys{Publisher: "acme", Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := by(without, key); got != without {
		t.Errorf("a policy that counts no ledger: got %+v", got)
	}
	if got := by(only, key).Signers; len(got) != 1 || got[0].Name != "acme's ledger" || got[0].Origin == nil || !got[0].Validity.Always() {
		t.Errorf("a key of the ledger: got %+v", got)
	}
	if got := by(with, revoked).Signers; len(got) != 1 || got[0].Name != "ci" || got[0].Validity.Revoked == nil || !got[0].Validity.Revoked.KeepBefore {
		t.Errorf("a key of both, which the ledger revokes: got %+v", got)
	}
	if with.Signers[0].Validity.Revoked != nil || len(only.Signers) > 0 {
		t.Error("the policy itself was changed")
	}
	seen := map[string]string{}
	for name, ns := range map[string]*trust.Namespace{"without": without, "with": with, "only": only, "only, with a key": by(only, key), "only, with a revoked key": by(only, revoked)} {
		if other := seen[ns.Digest().String()]; other != "" {
			t.Errorf("%q has the digest of %q, and judges otherwise", name, other)
		}
		seen[ns.Digest().String()] = name
	}
	if a, b := by(only, key).Digest(), by(only, key).Digest(); a != b {
		t.Errorf("the same ledger: %s and %s", a, b)
	}
	if _, err := only.With(&policy.LedgerKeys{Keys: []policy.LedgerKey{{Name: "none", PEM: "none"}}}); err == nil || !strings.Contains(err.Error(), `key "none"`) {
		t.Errorf("a key that is none: %v", err)
	}
}

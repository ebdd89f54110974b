package signature_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

const acmesLedger = "acme's ledger"

// ledgerKey is k as a ledger establishes it.
func ledgerKey(t testing.TB, k key, from, revoked time.Time) policy.LedgerKey {
	t.Helper()
	return policy.LedgerKey{Ledger: "oarlock/publishers:acme", Name: k.name, ID: k.signer(t).ID, PEM: string(publicPEM(t, k)), NotBefore: from, RevokedFrom: revoked}
}

func ledgerOf(keys ...policy.LedgerKey) *policy.LedgerKeys {
	return &policy.LedgerKeys{Publisher: "acme", Ledger: "oarlock/publishers:acme", Keys: keys}
}

// countingLedgers judges with a root, by a policy that counts ledgers; rest is
// what the namespace says besides.
func (i instance) countingLedgers(t testing.TB, rest string) *signature.Judge {
	t.Helper()
	p, err := trust.Parse([]byte("trusted_roots: [{file: root}]\nnamespaces: {'*': {ledger_keys: true"+rest+"}}"), func(name string) ([]byte, error) {
		if name == "root" {
			return i.root, nil
		}
		return publicPEM(t, keys()[name]), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	j, err := signature.New(signature.Options{Trust: p})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func judgeBy(t testing.TB, j *signature.Judge, s *store, d digest.Digest, ledger *policy.LedgerKeys) policy.Signature {
	t.Helper()
	sig, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: d, LedgerKeys: ledger}, s)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestKeysOfTheLedgerRotateAndAreRevoked_G3 judges signatures whose time is
// proven, and one whose time is not, by what a ledger says of two keys.
func TestKeysOfTheLedgerRotateAndAreRevoked_G3(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	before, now := keys()["ecdsa-p256"], keys()["ecdsa-p384"]
	hour := func(n time.Duration) time.Time { return time.Now().Add(n * time.Hour).UTC().Truncate(time.Second) }
	never := time.Time{}
	for name, row := range map[string]struct {
		by     key
		proven bool
		ledger *policy.LedgerKeys
		status policy.SignatureStatus
		code   string
	}{
		"in the overlap, by the earlier key": {before, true, ledgerOf(ledgerKey(t, before, never, hour(1)), ledgerKey(t, now, hour(-1), never)), policy.Verified, policy.CodeEvidenceVerified},
		"in the overlap, by the later key":   {now, true, ledgerOf(ledgerKey(t, before, never, hour(1)), ledgerKey(t, now, hour(-1), never)), policy.Verified, policy.CodeEvidenceVerified},
		"before the later key counts":        {now, true, ledgerOf(ledgerKey(t, before, never, never), ledgerKey(t, now, hour(1), never)), policy.Unverified, policy.CodeOutsideValidity},
		"signed before the revocation":       {before, true, ledgerOf(ledgerKey(t, before, never, hour(1))), policy.Verified, policy.CodeEvidenceVerified},
		"signed after the revocation":        {before, true, ledgerOf(ledgerKey(t, before, never, hour(-1))), policy.Unverified, policy.CodeRevoked},
		"revoked, and nothing proves when":   {before, false, ledgerOf(ledgerKey(t, before, never, hour(1))), policy.Unverified, policy.CodeTimeUnproven},
		"of no bound, and nothing proves it": {before, false, ledgerOf(ledgerKey(t, before, never, never)), policy.Verified, policy.CodeEvidenceVerified},
		"a key that the ledger never had":    {now, true, ledgerOf(ledgerKey(t, before, never, never)), policy.Unverified, policy.CodeUnknownSigner},
		"a ledger without keys":              {before, true, ledgerOf(), policy.Unverified, policy.CodeUnknownSigner},
	} {
		for _, form := range []string{policy.FormatCosignReferrer, policy.FormatBundle} {
			t.Run(form+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newStore()
				d := s.version("1.0.0")
				s.attach(inReferrer, d, s.witnessed(t, form, row.by, d, func(w *witness, _, sig []byte) {
					if row.proven {
						i.stamp(t, w, sig)
					}
				}))
				sig := judgeBy(t, i.countingLedgers(t, ""), s, d.Digest, row.ledger)
				if sig.Status != row.status || len(sig.Evidence) != 1 || sig.Evidence[0].Code != row.code {
					t.Fatalf("got %q %+v, want %q %s", sig.Status, sig.Evidence, row.status, row.code)
				}
				if row.status == policy.Verified && sig.Signer != acmesLedger {
					t.Errorf("signed by %q", sig.Signer)
				}
			})
		}
	}
}

// TestALedgerThatIsNotKnownCouldNotTell_G3: it denies, and names the ledger,
// unless the policy's own signers suffice.
func TestALedgerThatIsNotKnownCouldNotTell_G3(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	k := keys()["ecdsa-p256"]
	s := newStore()
	d := s.version("1.0.0")
	s.attach(inReferrer, d, s.signed(t, k, d))
	forged := &policy.LedgerKeys{Publisher: "acme", Problem: &policy.Finding{Code: "ledger_forged", Detail: "the ledger oarlock/publishers:acme does not hold"}}
	for name, row := range map[string]struct {
		rest   string
		ledger *policy.LedgerKeys
		want   policy.Outcome
		why    string
	}{
		"a ledger that is forged":                      {"", forged, policy.Unknown, "oarlock/publishers:acme does not hold"},
		"a ledger that nobody read":                    {"", nil, policy.Unknown, "nobody read it here"},
		"forged, and a signature is not required":      {", signature: optional", forged, policy.Unknown, "oarlock/publishers:acme"},
		"forged, beside a signer of the policy":        {", signers: [{name: file, key: {file: ecdsa-p256}}]", forged, policy.Allow, "file"},
		"a key in it that is none":                     {"", ledgerOf(policy.LedgerKey{Name: "none", PEM: "none"}), policy.Unknown, "no PEM block"},
		"a key of the policy that the ledger revoked":  {", signers: [{name: file, key: {file: ecdsa-p256}}]", ledgerOf(ledgerKey(t, k, time.Time{}, time.Now())), policy.Deny, "proves when"},
		"keys of a ledger are one of two signers only": {", threshold: 2, signers: [{name: file, key: {file: rsa}}]", ledgerOf(ledgerKey(t, k, time.Time{}, time.Time{}), ledgerKey(t, keys()["ed25519"], time.Time{}, time.Time{})), policy.Deny, "by \"acme's ledger\" holds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s
			if strings.Contains(row.rest, "threshold") {
				other := newStore()
				d := other.version("1.0.0")
				other.attach(inReferrer, d, other.signed(t, k, d))
				other.attach(inReferrer, d, other.signed(t, keys()["ed25519"], d))
				s = other
			}
			j := i.countingLedgers(t, row.rest)
			for range 2 { // the second time by what is kept
				sig := judgeBy(t, j, s, d.Digest, row.ledger)
				if sig.Vote.Outcome != row.want {
					t.Fatalf("got %v: %+v, want %v", sig.Vote.Outcome, sig, row.want)
				}
				said := ""
				for _, step := range sig.Trace() {
					said += step.Sentence + "\n"
				}
				if !strings.Contains(said, row.why) {
					t.Errorf("%q is not said in\n%s", row.why, said)
				}
			}
		})
	}
}

// TestWhatALedgerEstablishesIsPartOfWhatIsKept_G3 judges the same evidence by
// two ledgers, and again by the first.
func TestWhatALedgerEstablishesIsPartOfWhatIsKept_G3(t *testing.T) {
	t.Parallel()
	k := keys()["ecdsa-p256"]
	s := newStore()
	d := s.version("1.0.0")
	s.attach(inReferrer, d, s.signed(t, k, d))
	j := newInstance(t).countingLedgers(t, "")
	with, without := ledgerOf(ledgerKey(t, k, time.Time{}, time.Time{})), ledgerOf()
	for _, row := range []struct {
		ledger *policy.LedgerKeys
		want   policy.SignatureStatus
	}{{without, policy.Unverified}, {with, policy.Verified}, {without, policy.Unverified}, {with, policy.Verified}} {
		if sig := judgeBy(t, j, s, d.Digest, row.ledger); sig.Status != row.want {
			t.Errorf("%d keys: got %q, want %q", len(row.ledger.Keys), sig.Status, row.want)
		}
	}
}

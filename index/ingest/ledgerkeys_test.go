package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// keyedVerifier trusts as annotationVerifier does, where the publisher's ledger holds
// and has a key that is not revoked. The signer's name tells the keys.
type keyedVerifier struct{ annotationVerifier }

func (keyedVerifier) CountsLedger(string) bool { return true }

func (j keyedVerifier) Signature(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	sig, err := j.annotationVerifier.Signature(ctx, s, r)
	if err != nil {
		return sig, err
	}
	if s.LedgerKeys == nil || s.LedgerKeys.Problem != nil {
		return policy.Signature{Vote: policy.Finding{Code: policy.CodeUnreadable, Detail: fmt.Sprint(s.LedgerKeys.Problem)}}, nil
	}
	active, revoked := 0, 0
	for _, k := range s.LedgerKeys.Keys {
		if k.RevokedFrom.IsZero() {
			active++
		} else {
			revoked++
		}
	}
	if sig.Signer = fmt.Sprintf("%d keys, %d revoked", active, revoked); active == 0 && sig.Vote.Outcome.Allowed() {
		sig.Status, sig.Vote = policy.Unverified, policy.Finding{Code: policy.CodeUnverified, Outcome: policy.Deny}
	}
	return sig, nil
}

// TestAChangeOfALedgerJudgesItsPublisherAgain_G3 changes keys, and breaks and
// mends the ledger, and waits for nothing but what follows.
func TestAChangeOfALedgerJudgesItsPublisherAgain_G3(t *testing.T) {
	t.Parallel()
	const acme = "oarlock/publishers:acme"
	m := newMemory()
	l := newLedgers(t, m)
	d := m.publish("acme/hello", "1.0.0")
	m.sign("acme/hello", d, "good", true)
	e := m.publish("examples/two", "1.0.0")
	m.sign("examples/two", e, "good", true)
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.Verifier = l.judge, keyedVerifier{} })
	read := func(what string) int {
		m.mu.Lock()
		defer m.mu.Unlock()
		for at, n := range m.reads {
			if at.String() == what {
				return n
			}
		}
		return 0
	}
	before := read(d.Digest.String())
	for i, step := range []struct{ act, want string }{
		{"claim", index.ReasonSignatureUnknown + " unverified"},
		{"key", "verified"},
		{"forge", index.ReasonUnreadable + " unverified"},
		{"key", "verified"},
		{"cut", index.ReasonUnreadable + " unverified"},
		{"revoke", "verified"}, // one of two
		{"drop", index.ReasonUnreadable + " unverified"},
		{"verify", "verified"}, // back again
	} {
		l.act(acme, step.act)
		in.Notify(format.PublishersRepository, "acme", "", "")
		settle(t, in)
		if got := said(t, live, "acme/hello")["1.0.0"]; got != step.want {
			t.Fatalf("step %d, %s: %q, want %q", i, step.act, got, step.want)
		}
		if got := said(t, live, "examples/two")["1.0.0"]; got != index.ReasonSignatureUnknown+" unverified" {
			t.Fatalf("step %d, %s: another publisher's plugin is %q", i, step.act, got)
		}
		c, err := in.Check(t.Context())
		if err != nil || len(c.Differ) != 0 || c.Serving != c.Rebuilt {
			t.Fatalf("step %d, %s: %+v, %v", i, step.act, c, err)
		}
		now := read(d.Digest.String())
		if now != before+1 { // the check reads everything
			t.Errorf("step %d, %s: the version was read %d times besides the check", i, step.act, now-before-1)
		}
		before = now
	}
}

// stoppedVerifier stops where it judges something for the first time, and tells
// when the keys of a ledger are compared.
type stoppedVerifier struct {
	keyedVerifier
	begun                     *atomic.Bool
	once                      *sync.Once
	judging, resume, compared chan struct{}
}

func (j stoppedVerifier) CountsLedger(string) bool {
	if j.begun.Load() {
		j.once.Do(func() { close(j.compared) })
	}
	return true
}

func (j stoppedVerifier) Signature(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	if j.begun.CompareAndSwap(false, true) {
		close(j.judging)
		<-j.resume
	}
	return j.keyedVerifier.Signature(ctx, s, r)
}

// TestAPluginThatIsReadWhileItsLedgerChanges_G3 adds a key while a plugin that
// nobody knows yet is judged without it.
func TestAPluginThatIsReadWhileItsLedgerChanges_G3(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := newLedgers(t, m)
	l.act("oarlock/publishers:acme", "claim")
	judge := stoppedVerifier{begun: new(atomic.Bool), once: new(sync.Once), judging: make(chan struct{}), resume: make(chan struct{}), compared: make(chan struct{})}
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.Verifier, o.Workers = l.judge, judge, 2 })
	m.sign("acme/new", m.publish("acme/new", "1.0.0"), "good", true)
	in.Touch("acme/new")
	<-judge.judging
	l.act("oarlock/publishers:acme", "key")
	in.Notify(format.PublishersRepository, "acme", "", "")
	<-judge.compared
	close(judge.resume)
	settle(t, in)
	if got := said(t, live, "acme/new")["1.0.0"]; got != "verified" {
		t.Errorf("got %q, want verified, by the key that came meanwhile", got)
	}
}

// TestAVersionSaysWhichLedgerCouldNotBeTold_G3 judges as a server does.
func TestAVersionSaysWhichLedgerCouldNotBeTold_G3(t *testing.T) {
	t.Parallel()
	const acme = "oarlock/publishers:acme"
	p, err := trust.Parse([]byte("namespaces: {'*': {ledger_keys: true}}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signature.New(signature.Options{Trust: p})
	if err != nil {
		t.Fatal(err)
	}
	attested, err := attest.New(signed, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	for _, act := range []string{"claim", "key", "forge"} {
		l.act(acme, act)
	}
	_, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.Verifier = l.judge, verifierOf{signed, attested} })
	plugin, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello"))
	if !ok {
		t.Fatal("there is no acme/hello")
	}
	reasons := plugin.Versions[0].Pending
	if codes(reasons) != index.ReasonUnreadable+","+index.ReasonUnreadable || !strings.Contains(reasons[1].Detail, acme+" does not hold") {
		t.Errorf("got %+v", reasons)
	}
}

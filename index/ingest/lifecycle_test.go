package ingest_test

import (
	"testing"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
)

// Proves E1, E12: a statement that cannot be read may be the one that stops the
// plugin, whatever was known before it; the versions wait until it is read.
func TestAStatementThatCannotBeReadHasTheVersionsWait(t *testing.T) {
	t.Parallel()
	const ledger = "acme/hello:oarlock-state"
	m := newMemory()
	l := newLedgers(t, m)
	m.publish("acme/hello", "1.0.0")
	grounds := format.Grounds{Reason: format.ReasonLegal}
	l.of(ledger).Add(t, format.PluginDeprecated, "admin:root", format.RolePlatform, format.Deprecated{Grounds: grounds}, nil)
	l.m.put(t, l.of(ledger))
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.ListDeniedUnsafe = l.judge, true })
	stands := func(what string, state index.PluginState, listed bool) {
		t.Helper()
		p, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello"))
		if !ok || p.State != state || p.Versions[0].Listed() != listed {
			t.Fatalf("%s: %+v, want %s, listed %t", what, p, state, listed)
		}
	}
	stands("deprecated", index.StateDeprecated, true)

	e := l.of(ledger).Add(t, format.PluginSuspended, "admin:root", format.RolePlatform, format.Suspended{Grounds: grounds, Existing: format.StopRunning}, nil)
	m.fault(e.Descriptor.Digest.String(), errDisk)
	change := func() {
		l.m.put(t, l.of(ledger))
		in.Notify(l.ref(ledger).Repository(), l.ref(ledger).Tag(), "", "")
		settle(t, in)
	}
	change()
	stands("the statement cannot be read", index.StateDeprecated, false)
	why, err := live.Current().Snapshot.Why(mustName(t, "acme/hello"), catalog.Fit{})
	if err != nil || codes(why[0].Reasons) != index.ReasonUnreadable {
		t.Errorf("why says %s, %v", whyCodes(why), err)
	}

	sums := func(what string, listed int) {
		t.Helper()
		if changes, sum := tryAll(t, in, swapped{}); len(changes) != 0 || sum.ListedBefore != listed || sum.ListedAfter != listed {
			t.Errorf("a trial where %s: %v, %+v", what, changes, sum)
		}
	}
	sums("the statement cannot be read", 0)

	m.fault(e.Descriptor.Digest.String(), nil)
	change()
	stands("it can be read", index.StateSuspended, true)
}

// Proves E5, G3: what an emergency stopped is listed by no policy, and a trial
// of one says so.
func TestATrialListsNothingThatAnEmergencyStopped(t *testing.T) {
	t.Parallel()
	const ledger = "acme/hello:oarlock-state"
	m := newMemory()
	l := newLedgers(t, m)
	d := m.publish("acme/hello", "1.0.0")
	m.sign("acme/hello", d, "good and evil", true)
	l.of(ledger).Add(t, format.EmergencyDeclared, "admin:root", format.RolePlatform, format.Emergency{
		Grounds: format.Grounds{Reason: format.ReasonMalware}, Digests: []digest.Digest{d.Digest}, ApprovedBy: []string{"admin:two"}}, nil)
	l.m.put(t, l.of(ledger))
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers = l.judge })
	if p, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello")); !ok || p.Versions[0].State != index.VersionEmergencyRemoved {
		t.Fatalf("%+v", p)
	}
	if changes, sum := tryAll(t, in, swapped{}); sum.Versions != 1 || sum.ListedBefore != 0 || sum.ListedAfter != 0 {
		t.Errorf("%v, %+v", changes, sum)
	}
}

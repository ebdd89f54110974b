package ingest_test

import (
	"testing"

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
	in, live := run(t, m, func(o *ingest.Options) { o.Ledgers, o.Dev = l.judge, true })
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

	m.fault(e.Descriptor.Digest.String(), nil)
	change()
	stands("it can be read", index.StateSuspended, true)
}

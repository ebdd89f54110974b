package notify_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
)

func stated(sequence int, ledger, kind string) notify.Change {
	return notify.Change{ID: fmt.Sprint("s", sequence), Ledger: ledger, Sequence: sequence, Statement: kind, At: noon, Noted: noon}
}

// Proves K2: a statement that cannot be read keeps nothing else from being told, and what
// came with it is addressed once, also after its deliveries were pruned.
func TestAnEventThatCannotBeReadIsKeptApart_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	x.unreadable.Store(7, true)
	x.tell(x.published("e1", "acme/hello"), stated(7, "acme/hello:oarlock-state", "plugin.deprecated"), x.published("e2", "acme/hello"))
	if d := cmp.Diff(map[string]int{"ada e1": 1, "ada e2": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	waits := func() int64 {
		t.Helper()
		b, err := x.store.Backlog(t.Context(), notify.UnreadJobs, "")
		if err != nil {
			t.Fatal(err)
		}
		return b.Jobs
	}
	if b, err := x.store.Backlog(t.Context(), notify.EventJobs, ""); err != nil || b.Jobs != 0 || waits() != 1 {
		t.Errorf("%d events and %d that cannot be read wait: %v", b.Jobs, waits(), err)
	}
	if _, err := x.store.PruneAttempts(t.Context(), noon.Add(time.Hour), 10); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		x.hand.Advance(notify.LongestPause)
		x.drain()
	}
	if got := r.take(); len(got) != 0 {
		t.Errorf("told again: %v", got)
	}
	x.unreadable.Delete(7)
	x.hand.Advance(notify.LongestPause)
	x.drain()
	if d := cmp.Diff(map[string]int{"ada s7": 1}, r.take()); d != "" || waits() != 0 {
		t.Errorf("once it can be read (-want +got), and %d wait:\n%s", waits(), d)
	}
}

// What can never be read is given up after two weeks, and counted.
func TestAnEventThatIsNeverReadIsGivenUp_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	x.unreadable.Store(7, true)
	x.tell(stated(7, "acme/hello:oarlock-state", "plugin.deprecated"))
	for range 2 {
		x.hand.Advance(15 * 24 * time.Hour)
		x.drain()
	}
	if b, err := x.store.Backlog(t.Context(), notify.UnreadJobs, ""); err != nil || b.Jobs != 0 || len(r.take()) != 0 {
		t.Errorf("%+v %v", b, err)
	}
	if got := testutil.ToFloat64(lost{x.engine}); got != 1 {
		t.Errorf("%v events are counted", got)
	}
}

// lost is the counter alone of events that are given up.
type lost struct{ of prometheus.Collector }

func (lost) Describe(chan<- *prometheus.Desc) {}

func (l lost) Collect(out chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric)
	go func() {
		defer close(all)
		l.of.Collect(all)
	}()
	for m := range all {
		if strings.Contains(m.Desc().String(), `"oarlock_events_lost_total"`) {
			out <- m
		}
	}
}

// Proves E8: the event of an emergency of one version names it, and that of all names none.
func TestAnEmergencyNamesItsVersion_E8(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	x.tell(stated(1, "acme/bad:oarlock-state", "emergency.declared"), stated(2, "acme/all:oarlock-state", "emergency.declared"))
	seen := map[string]index.CloudEvent{}
	for _, m := range r.told {
		var e index.CloudEvent
		if err := json.Unmarshal(m.Body, &e); err != nil {
			t.Fatal(err)
		}
		seen[e.ID] = e
	}
	one, all := seen["s1"], seen["s2"]
	if one.Subject != "acme/bad@0.2.0" || one.Data.Version != "0.2.0" || one.Data.Digest != "sha256:of-the-version" || one.Data.Publisher != "acme" {
		t.Errorf("of one version: %+v", one)
	}
	if all.Subject != "acme/all" || all.Data.Version != "" || len(all.Data.Versions) != 0 {
		t.Errorf("of all: %+v", all)
	}
}

package notify_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/index/notify"
)

// Proves K2: a receiver to which two subscriptions lead is told of an event once, also
// where one of them ends before or after.
func TestAReceiverIsToldOnceByTwoSubscriptions_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribeAt("wh_1", "a", "person:ada", notify.OfEverything, "", "*")
	x.subscribeAt("wh_1", "b", "person:ada", notify.OfPublisher, "acme", "*")
	x.subscribeAt("wh_2", "c", "person:ada", notify.OfEverything, "", "*")
	x.tell(x.published("e1", "acme/hello"), x.published("e1", "acme/hello"))
	if d := cmp.Diff(map[string]int{"a e1": 1, "c e1": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	if err := x.store.RemoveSubscription(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	x.tell(x.published("e1", "acme/hello")) // as a job that was done and did not end
	if got := r.take(); len(got) != 0 {
		t.Errorf("told again after a subscription ended: %v", got)
	}
	x.subscribeAt("wh_1", "d", "person:ada", notify.OfPlugin, "acme/hello", "*")
	r.fail = func(m notify.Message) error { return errBusy }
	x.tell(x.published("e2", "acme/hello"))
	r.fail = nil
	if err := x.store.RemoveSubscription(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	x.hand.Advance(notify.LongestPause)
	x.drain()
	if d := cmp.Diff(map[string]int{"d e2": 1, "c e2": 1}, r.take()); d != "" {
		t.Errorf("told by who is left (-want +got):\n%s", d)
	}
	all, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: "wh_1", Limit: 10})
	if err != nil || len(all) != 2 {
		t.Errorf("%d deliveries, expected one for each event: %v", len(all), err)
	}
}

// What waits for a receiver ends with the last subscription that wants it.
func TestWhatNobodyWantsAnyMoreIsNotTold_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribeAt("wh_1", "a", "person:ada", notify.OfEverything, "", "*")
	x.subscribeAt("wh_1", "b", "person:ada", notify.OfPlugin, "acme/other", "*")
	r.fail = func(m notify.Message) error { return errBusy }
	x.tell(x.published("e1", "acme/hello"), x.published("e2", "acme/other"))
	r.fail = nil
	if err := x.store.RemoveSubscription(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	x.hand.Advance(time.Minute)
	x.drain()
	if d := cmp.Diff(map[string]int{"b e2": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	if all, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: "wh_1", Event: "e1", Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("left: %+v %v", all, err)
	}
}

// Two accounts may have one address: each is told because of its own.
func TestTwoOwnersOfOneReceiverAreBothTold_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribeAt("ada@example.org", "a", "person:ada", notify.OfEverything, "", "*")
	x.subscribeAt("ada@example.org", "b", "person:bob", notify.OfEverything, "", "*")
	x.tell(x.published("e1", "acme/hello"))
	if d := cmp.Diff(map[string]int{"a e1": 1, "b e1": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

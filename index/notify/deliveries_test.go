package notify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/notify"
)

func (x *site) as(name string) context.Context {
	return auth.With(x.t.Context(), auth.Principal{Kind: auth.Person, Name: "person:" + name})
}

// Proves K2: what a receiver was told, and what it was not, is listed and made again by
// any of its subscriptions, by their owner alone.
func TestDeliveriesOfASubscription_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	s := x.service()
	x.subscribeAt("ada@example.org", "a", "person:ada", notify.OfEverything, "", "*")
	x.subscribeAt("ada@example.org", "b", "person:ada", notify.OfPlugin, "acme/hello", "*")
	x.subscribeAt("ada@example.org", "eve", "person:eve", notify.OfEverything, "", "*")
	r.fail = func(m notify.Message) error { return errors.Join(errBusy, jobs.ErrGiveUp) }
	x.tell(x.published("e1", "acme/hello"), x.published("e2", "acme/hello"))
	r.fail = nil
	for _, id := range []string{"a", "b"} {
		page, err := s.SubscriptionDeliveries(x.as("ada"), id, "dead", "", 1)
		if err != nil || len(page.Items) != 1 || page.NextCursor == "" {
			t.Fatalf("%s: %+v %v", id, page, err)
		}
		next, err := s.SubscriptionDeliveries(x.as("ada"), id, "dead", page.NextCursor, 10)
		if err != nil || len(next.Items) != 1 || next.Items[0].Subject != "acme/hello@1.0.0" || next.Items[0].Event == page.Items[0].Event {
			t.Errorf("%s: %+v %v", id, next, err)
		}
		if d, err := s.SubscriptionDelivery(x.as("ada"), id, page.Items[0].ID); err != nil || len(d.Tries) != 1 || d.State != "dead" {
			t.Errorf("%s: %+v %v", id, d, err)
		}
		if _, err := s.SubscriptionDelivery(x.as("ada"), id, "dl_none"); !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("one that is not there: %v", err)
		}
		if _, err := s.SubscriptionDeliveries(x.as("eve"), id, "", "", 10); !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("another's: %v", err)
		}
		if _, err := s.ReplaySubscription(x.as("eve"), id, index.ReplayRequest{}); !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("another's, made again: %v", err)
		}
		for _, cursor := range []string{"zz", "dl_0b7e4f1c2a9d"} {
			if _, err := s.SubscriptionDeliveries(x.as("ada"), id, "", cursor, 10); !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("cursor %s: %v", cursor, err)
			}
		}
	}
	theirs, err := s.SubscriptionDeliveries(x.as("eve"), "eve", "", "", 10)
	if err != nil || len(theirs.Items) != 2 {
		t.Fatalf("%+v %v", theirs, err)
	}
	if _, err := s.SubscriptionDelivery(x.as("ada"), "a", theirs.Items[0].ID); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("another's of the same address: %v", err)
	}
	if n, err := s.ReplaySubscription(x.as("ada"), "b", index.ReplayRequest{}); err != nil || n.Deliveries != 2 {
		t.Errorf("%+v %v", n, err)
	}
	x.drain()
	if d := cmp.Diff(map[string]int{"a e1": 1, "a e2": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

// Proves K2: what waited for a receiver that was left alone, and was never tried by
// itself, is a dead letter to see and to make again.
func TestWhatWasNeverTriedIsADeadLetter_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	e := newEndpoint(t, says(500))
	s := x.service()
	made, err := s.CreateWebhook(x.as("ada"), index.NewWebhook{URL: e.URL})
	if err != nil {
		t.Fatal(err)
	}
	x.tell(x.published("e1", "acme/hello"), x.published("e2", "acme/hello"), x.published("e3", "acme/hello"))
	x.hand.Advance(notify.GiveUpAfter + time.Hour)
	x.drain()
	x.hand.Advance(24 * time.Hour)
	x.drain()
	page, err := s.Deliveries(x.as("ada"), made.ID, "dead", "", 10)
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("%d are dead of 3: %+v %v", len(page.Items), page, err)
	}
	for _, d := range page.Items {
		if d.Subject != "acme/hello@1.0.0" || d.Reason == "" {
			t.Errorf("%+v", d)
		}
	}
	if n, err := s.ReplayDeliveries(x.as("ada"), made.ID, index.ReplayRequest{}); err != nil || n.Deliveries != 3 {
		t.Errorf("made again: %+v %v", n, err)
	}
}

// Proves I2, K2: nobody subscribes to a tenant or a plugin that is not there.
func TestWhatIsNotThereIsNotSubscribedTo_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	s := x.service()
	x.rights.manager = "person:ada"
	for _, q := range []index.SubscriptionScope{{Tenant: "north"}, {Plugin: "acme/nix"}} {
		_, err := s.CreateWebhook(x.as("ada"), index.NewWebhook{URL: "https://example.org/", SubscriptionScope: q})
		if !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if _, err := s.CreateWebhook(x.as("ada"), index.NewWebhook{URL: "https://example.org/", SubscriptionScope: index.SubscriptionScope{Plugin: "acme/hello"}}); err != nil {
		t.Error(err)
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/tenant"
)

func eventOf(id, plugin string) notify.Event {
	return notify.Event{
		ID: id, Type: notify.PluginPublished, At: noon, Noted: noon, Publisher: "acme", Plugin: plugin, Version: "1.0.0", Data: []byte(`{"publisher":"acme"}`),
	}
}

func subscriptionOf(id string, scope notify.Scope, about string) notify.Subscription {
	return notify.Subscription{
		ID: id, Owner: "person:ada", Channel: "webhook", Receiver: "wh_1", Scope: scope, About: about, Events: []notify.Pattern{"*"}, Frequency: notify.AtOnce, CreatedAt: noon,
	}
}

// Proves E8, K2: what happened, who is told and how far that is, as both databases keep it.
func TestNotifyContract_K2(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		for name, test := range map[string]func(*testing.T, *Store){
			"events are kept once and numbered": keptEvents, "subscriptions match by what they are about": matching,
			"deliveries are kept once, listed and pruned": keptDeliveries, "a bound holds against many at once": bounded,
			"mailboxes are kept, and change where nobody else did": keptMailboxes, "who was asked is kept for a while": keptAsks,
			"what was noted in a period is found": inPeriod, "what is withheld is kept once": keptWithheld,
		} {
			t.Run(database+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t, fresh(t)))
			})
		}
	}
}

func keptEvents(t *testing.T, s *Store) {
	ctx := t.Context()
	first, err := s.AddEvent(ctx, eventOf("a", "acme/hello"))
	want(t, "add", err, nil)
	other := eventOf("a", "acme/other")
	again, err := s.AddEvent(ctx, other)
	same(t, "added again, the first stays", again, first, err)
	second, err := s.AddEvent(ctx, eventOf("b", "acme/hello"))
	want(t, "add another", err, nil)
	if second.Number <= first.Number {
		t.Errorf("number %d after %d", second.Number, first.Number)
	}
	got, err := s.EventsAfter(ctx, 0, 10)
	same(t, "all", got, []notify.Event{first, second}, err)
	got, err = s.EventsAfter(ctx, first.Number, 1)
	same(t, "after the first", got, []notify.Event{second}, err)
	_, err = s.Event(ctx, "c")
	want(t, "one that is not there", err, artifact.ErrNotFound)
	_, err = s.AddDeliveries(ctx, []notify.Delivery{{ID: "d", Event: "a", State: notify.Waiting}})
	want(t, "a delivery", err, nil)
	n, err := s.PruneEvents(ctx, noon.Add(time.Hour), 10)
	same(t, "pruned, but for what is on its way", n, 1, err)
	_, err = s.Event(ctx, "a")
	want(t, "it is there", err, nil)
}

func matching(t *testing.T, s *Store) {
	ctx := t.Context()
	for _, sub := range []notify.Subscription{
		subscriptionOf("s1", notify.OfEverything, ""), subscriptionOf("s2", notify.OfPublisher, "acme"), subscriptionOf("s3", notify.OfPublisher, "other"),
		subscriptionOf("s4", notify.OfPlugin, "acme/hello"), subscriptionOf("s5", notify.OfPlugin, "acme/other"),
		subscriptionOf("s6", notify.OfTenant, "north"), subscriptionOf("s7", notify.OfTenant, "south"),
	} {
		want(t, "add "+sub.ID, s.AddSubscription(ctx, sub, 10), nil)
	}
	want(t, "tenant", s.AddTenant(ctx, tenant.Tenant{ID: "north", Environment: tenant.Production, CreatedBy: "x", CreatedAt: noon}), nil)
	hello, err := artifact.ParseName("acme/hello")
	want(t, "name", err, nil)
	want(t, "install", s.OfTenant("north").Installs().Put(ctx, tenant.Install{Plugin: hello, Enabled: true, ChangedAt: noon}), nil)
	ids := func(e notify.Event, after string, limit int) []string {
		t.Helper()
		all, err := s.SubscriptionsTo(ctx, notify.SubscriptionQuery{Event: e, After: after, Limit: limit})
		want(t, "match", err, nil)
		var out []string
		for _, sub := range all {
			out = append(out, sub.ID)
		}
		return out
	}
	same(t, "a plugin's", ids(eventOf("a", "acme/hello"), "", 10), []string{"s1", "s2", "s4", "s6"}, nil)
	same(t, "the second page", ids(eventOf("a", "acme/hello"), "s2", 1), []string{"s4"}, nil)
	same(t, "the publisher's own", ids(eventOf("a", ""), "", 10), []string{"s1", "s2"}, nil)
	got, err := s.Subscription(ctx, "s4")
	same(t, "one", got, subscriptionOf("s4", notify.OfPlugin, "acme/hello"), err)
	_, err = s.AddDeliveries(ctx, []notify.Delivery{{ID: "d", Event: "a", Subscription: "s4", State: notify.Waiting}})
	want(t, "a delivery", err, nil)
	want(t, "remove", s.RemoveSubscription(ctx, "s4"), nil)
	_, err = s.Delivery(ctx, "d")
	want(t, "what its receiver was told stays while it is that of another", err, nil)
	want(t, "remove again", s.RemoveSubscription(ctx, "s4"), artifact.ErrNotFound)
	alone := subscriptionOf("s8", notify.OfPlugin, "acme/hello")
	alone.Owner, alone.Receiver, alone.Frequency = "person:bob", "wh_2", notify.Daily
	want(t, "add another's", s.AddSubscription(ctx, alone, 10), nil)
	for name, q := range map[string]notify.SubscriptionQuery{
		"of an owner": {Owner: "person:bob"}, "of a receiver": {Receiver: "wh_2"}, "of a frequency": {Frequency: notify.Daily},
		"of all of these": {Owner: "person:bob", Channel: "webhook", Receiver: "wh_2", Frequency: notify.Daily},
	} {
		q.Event, q.Limit = eventOf("a", "acme/hello"), 10
		all, err := s.SubscriptionsTo(ctx, q)
		same(t, name, all, []notify.Subscription{alone}, err)
	}
	_, err = s.AddDeliveries(ctx, []notify.Delivery{{ID: "d8", Event: "a", Subscription: "s8", Owner: "person:bob", Channel: "webhook", Receiver: "wh_2", State: notify.Waiting}})
	want(t, "its delivery", err, nil)
	want(t, "remove it", s.RemoveSubscription(ctx, "s8"), nil)
	_, err = s.Delivery(ctx, "d8")
	want(t, "what the last one told is gone", err, artifact.ErrNotFound)
}

func keptDeliveries(t *testing.T, s *Store) {
	ctx := t.Context()
	of := func(id string) notify.Delivery {
		return notify.Delivery{ID: id, Event: "a", Subscription: "s", Owner: "person:ada", Channel: "webhook", Receiver: "wh_1", State: notify.Waiting, Asked: noon}
	}
	fresh, err := s.AddDeliveries(ctx, []notify.Delivery{of("d1"), of("d2")})
	same(t, "added", len(fresh), 2, err)
	fresh, err = s.AddDeliveries(ctx, []notify.Delivery{of("d2"), of("d3")})
	same(t, "added once", fresh, []notify.Delivery{of("d3")}, err)
	none, err := s.Deliveries(ctx, notify.DeliveryQuery{Receiver: "wh_1", Limit: 10})
	same(t, "what was not tried is not listed", none, []notify.Delivery{}, err)
	for i, id := range []string{"d1", "d2", "d3"} {
		d := of(id)
		d.Attempts, d.Status, d.Answer, d.Tried, d.Next, d.Reason, d.State = 1, 500, "no", noon, noon, "refused", notify.Dead
		if i == 0 {
			d.State = notify.Delivered
		}
		want(t, "change", s.ChangeDelivery(ctx, d), nil)
		want(t, "attempt", s.AddAttempt(ctx, notify.Attempt{Delivery: id, Number: 1, At: noon, Took: time.Second, Status: 500, Answer: "no", Reason: "refused"}), nil)
	}
	ids := func(q notify.DeliveryQuery) []string {
		t.Helper()
		q.Receiver = "wh_1"
		all, err := s.Deliveries(ctx, q)
		want(t, "list", err, nil)
		var out []string
		for _, d := range all {
			out = append(out, d.ID)
		}
		return out
	}
	same(t, "the newest first", ids(notify.DeliveryQuery{Limit: 2}), []string{"d3", "d2"}, nil)
	same(t, "the next page", ids(notify.DeliveryQuery{Limit: 2, Before: "d2"}), []string{"d1"}, nil)
	_, err = s.Deliveries(ctx, notify.DeliveryQuery{Receiver: "wh_1", Limit: 2, Before: "d9"})
	want(t, "after one that is not there", err, artifact.ErrNotFound)
	_, err = s.Deliveries(ctx, notify.DeliveryQuery{Receiver: "wh_2", Limit: 2, Before: "d2"})
	want(t, "after another's", err, artifact.ErrNotFound)
	same(t, "of somebody else", ids(notify.DeliveryQuery{Limit: 2, Owner: "person:bob"}), []string(nil), nil)
	same(t, "the dead", ids(notify.DeliveryQuery{Limit: 9, State: notify.Dead}), []string{"d3", "d2"}, nil)
	attempts, err := s.Attempts(ctx, "d1", 10)
	same(t, "attempts", attempts, []notify.Attempt{{Delivery: "d1", Number: 1, At: noon, Took: time.Second, Status: 500, Answer: "no", Reason: "refused"}}, err)
	want(t, "remove", s.RemoveDelivery(ctx, "d3"), nil)
	want(t, "change one that is gone", s.ChangeDelivery(ctx, of("d3")), artifact.ErrNotFound)
	n, err := s.PruneAttempts(ctx, noon, 10)
	same(t, "nothing is old", n, 0, err)
	n, err = s.PruneAttempts(ctx, noon.Add(time.Second), 10)
	same(t, "attempts and what ended", n, 4, err)
}

func bounded(t *testing.T, s *Store) {
	var mu sync.Mutex
	var added, refused int
	each(8, func(i int) {
		err := s.AddSubscription(context.Background(), subscriptionOf(fmt.Sprint("s", i), notify.OfEverything, ""), 3)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			added++
		case errors.Is(err, notify.ErrTooMany):
			refused++
		default:
			t.Error(err)
		}
	})
	all, err := s.Subscriptions(t.Context(), "person:ada")
	if err != nil || added != 3 || refused != 5 || len(all) != 3 {
		t.Errorf("%d added, %d refused, %d kept: %v", added, refused, len(all), err)
	}
	if slices.ContainsFunc(all, func(x notify.Subscription) bool { return x.Owner != "person:ada" }) {
		t.Errorf("%+v", all)
	}
}

func keptMailboxes(t *testing.T, s *Store) {
	ctx := t.Context()
	m := notify.Mailbox{Owner: "person:ada", Address: "ada@example.org", CreatedAt: noon, Token: []byte{}}
	want(t, "add", s.AddMailbox(ctx, m, 1), nil)
	want(t, "one more", s.AddMailbox(ctx, notify.Mailbox{Owner: "person:ada", Address: "b@example.org", CreatedAt: noon}, 1), notify.ErrTooMany)
	want(t, "the same again", s.AddMailbox(ctx, m, 9), artifact.ErrConflict)
	want(t, "another's", s.AddMailbox(ctx, notify.Mailbox{Owner: "person:bob", Address: "ada@example.org", CreatedAt: noon}, 1), nil)
	asked := m
	asked.Token, asked.TokenUntil = []byte("digest"), noon.Add(time.Hour)
	want(t, "a token", s.ChangeMailbox(ctx, asked, nil), nil)
	want(t, "by who knows of none", s.ChangeMailbox(ctx, m, nil), artifact.ErrConflict)
	got, err := s.Mailbox(ctx, "person:ada", "ada@example.org")
	same(t, "with a token", got, asked, err)
	asked.Token, asked.ConfirmedAt, asked.SuspendedAt, asked.Reason = []byte{}, noon, noon, "no such user"
	want(t, "suspended", s.ChangeMailbox(ctx, asked, []byte("digest")), nil)
	got, err = s.Mailbox(ctx, "person:ada", "ada@example.org")
	same(t, "one", got, asked, err)
	want(t, "remove", s.RemoveMailbox(ctx, "person:ada", "ada@example.org"), nil)
	_, err = s.Mailbox(ctx, "person:ada", "ada@example.org")
	want(t, "it is gone", err, artifact.ErrNotFound)
	_, err = s.Mailbox(ctx, "person:bob", "ada@example.org")
	want(t, "another's is not", err, nil)
}

func keptAsks(t *testing.T, s *Store) {
	ctx := t.Context()
	for i := range 3 {
		want(t, "ask", s.AddAsk(ctx, "ada", noon.Add(time.Duration(i)*time.Hour)), nil)
	}
	asked := func(whom string, since time.Time) (out []time.Time) {
		t.Helper()
		want(t, "asked", s.InTx(ctx, func(ctx context.Context) (err error) { out, err = s.Asked(ctx, whom, since); return err }), nil)
		return out
	}
	same(t, "since noon", asked("ada", noon), []time.Time{noon.Add(time.Hour), noon.Add(2 * time.Hour)}, nil)
	same(t, "somebody else", len(asked("bob", noon.Add(-time.Hour))), 0, nil)
	n, err := s.PruneAsks(ctx, noon.Add(time.Hour), 10)
	same(t, "pruned", n, 1, err)
	want(t, "letter", s.AddLetter(ctx, []byte("digest"), "ada@example.org", noon), nil)
	mailbox, until, err := s.Letter(ctx, []byte("digest"))
	same(t, "to whom", mailbox, "ada@example.org", err)
	same(t, "until when", until.Equal(noon), true, nil)
	_, _, err = s.Letter(ctx, []byte("other"))
	want(t, "another", err, artifact.ErrNotFound)
	n, err = s.PruneLetters(ctx, noon.Add(time.Second), 10)
	same(t, "letters pruned", n, 1, err)
	for _, owner := range []string{"person:ada", "person:bob"} {
		want(t, "mailbox", s.AddMailbox(ctx, notify.Mailbox{Owner: owner, Address: "Ada@example.org", CreatedAt: noon}, 9), nil)
	}
	all, err := s.MailboxesAt(ctx, "ada@example.org")
	same(t, "of two accounts", len(all), 2, err)
	// One from before there were letters has the column as its migration wrote it.
	m := notify.Mailbox{Owner: "person:ada", Address: "a.da@gmail.com", CreatedAt: noon}
	want(t, "mailbox", s.AddMailbox(ctx, m, 9), nil)
	_, err = s.writer(ctx).NewUpdate().Table("mailboxes").Set("mailbox = lower(address)").Where("address = ?", m.Address).Exec(ctx)
	want(t, "migrated", err, nil)
	want(t, "asked again", s.ChangeMailbox(ctx, m, nil), nil)
	all, err = s.MailboxesAt(ctx, notify.MailboxOf(m.Address))
	same(t, "from before", len(all), 1, err)
}

func inPeriod(t *testing.T, s *Store) {
	ctx := t.Context()
	var all []notify.Delivery
	for i, subscription := range []string{"s", "s", "s", "other"} {
		all = append(all, notify.Delivery{ID: fmt.Sprint("d", i), Event: "a", Subscription: subscription, Receiver: "ada@example.org",
			State: notify.Waiting, Asked: noon.Add(time.Duration(i) * time.Hour)})
	}
	_, err := s.AddDeliveries(ctx, all)
	want(t, "add", err, nil)
	got, err := s.Deliveries(ctx, notify.DeliveryQuery{Subscription: "s", AskedFrom: noon, AskedUntil: noon.Add(2 * time.Hour), Limit: 10})
	same(t, "of two hours, tried or not", got, []notify.Delivery{all[1], all[0]}, err)
	got, err = s.Deliveries(ctx, notify.DeliveryQuery{Subscription: "s", Limit: 10})
	same(t, "those that were tried", got, []notify.Delivery{}, err)
}

func keptWithheld(t *testing.T, s *Store) {
	ctx := t.Context()
	w := notify.Withheld{Kind: notify.KindBlocked, Repository: "acme/hello", Digest: "sha256:x", Version: "1.0.0", Since: noon, Told: true}
	var mu sync.Mutex
	added := 0
	each(8, func(int) {
		first, err := s.AddWithheld(context.Background(), w)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Error(err)
		}
		if first {
			added++
		}
	})
	same(t, "added by one of eight", added, 1, nil)
	all, err := s.Withheld(ctx)
	same(t, "kept", all, []notify.Withheld{w}, err)
	later := w
	later.Since = noon.Add(time.Hour)
	gone, err := s.RemoveWithheld(ctx, later)
	same(t, "since another time it is another", gone, false, err)
	gone, err = s.RemoveWithheld(ctx, w)
	same(t, "removed", gone, true, err)
	gone, err = s.RemoveWithheld(ctx, w)
	same(t, "removed once", gone, false, err)
}

package notify_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/seal"
)

// An endpoint answers by a function, and remembers what it was sent.
type endpoint struct {
	*httptest.Server
	mu     sync.Mutex
	came   []*http.Request
	bodies []string
	answer http.HandlerFunc
}

func newEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	e := &endpoint{answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.mu.Lock()
		e.came, e.bodies = append(e.came, r), append(e.bodies, string(body))
		answer := e.answer
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.came)
}

func (e *endpoint) become(answer http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

func says(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "as asked")
	}
}

// calling is a site that calls webhooks through a guarded client that may reach
// networks.
func calling(t *testing.T, networks ...netip.Prefix) *site {
	t.Helper()
	return callingBy(t, outbound.Options{Networks: networks, Timeout: 2 * time.Second})
}

func callingBy(t *testing.T, o outbound.Options) *site {
	t.Helper()
	sealer, err := seal.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return newSite(t, func(x *site) []notify.Channel {
		client := outbound.New(o)
		t.Cleanup(client.CloseIdleConnections)
		x.sealer = sealer
		return []notify.Channel{notify.NewCaller(notify.CallerOptions{
			Webhooks: x.store, Health: x.store, Queue: x.store.Jobs(), Sealer: sealer, Client: client, Clock: x.hand.Clock(), Agent: "oarlock/test",
		})}
	})
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

// hook adds a webhook with a subscription to everything.
func (x *site) hook(id, url string) {
	x.t.Helper()
	now := x.hand.Clock().Now()
	w := notify.Webhook{ID: id, Owner: "person:ada", URL: url, Secret: x.sealer.Seal(id, []byte(strings.Repeat("k", 32))), CreatedAt: now}
	if err := x.store.AddWebhook(x.t.Context(), w, 2000); err != nil {
		x.t.Fatal(err)
	}
	sub := notify.Subscription{
		ID: "sub-" + id, Owner: "person:ada", Channel: notify.WebhookChannel, Receiver: id, Scope: notify.OfEverything, Events: []notify.Pattern{"*"}, CreatedAt: now,
	}
	if err := x.store.AddSubscription(x.t.Context(), sub, 2000); err != nil {
		x.t.Fatal(err)
	}
}

// last is the newest delivery to a webhook.
func (x *site) last(id string) notify.Delivery {
	x.t.Helper()
	all, err := x.store.Deliveries(x.t.Context(), notify.DeliveryQuery{Receiver: id, Limit: 1})
	if err != nil || len(all) != 1 {
		x.t.Fatalf("deliveries to %s: %+v %v", id, all, err)
	}
	return all[0]
}

// The vector is that of the reference libraries of Standard Webhooks.
func TestSignaturesAreThoseOfStandardWebhooks_K2(t *testing.T) {
	t.Parallel()
	secret, err := notify.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	notify.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	if got := h.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %q", got)
	}
	for _, bad := range []string{"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		if _, err := notify.ParseSecret(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// Proves K2: an endpoint that is down for an hour gets all of it afterwards, and is
// left alone meanwhile: not once for each event.
func TestAnEndpointThatWasDownForAnHour_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	e := newEndpoint(t, says(500))
	x.hook("wh_1", e.URL)
	for i := range 20 {
		x.tell(x.published(fmt.Sprint("e", i), "acme/hello"))
	}
	for range 60 {
		x.hand.Advance(time.Minute)
		x.drain()
	}
	if n := e.count(); n < 5 || n > 20 {
		t.Errorf("%d calls in an hour for 20 events", n)
	}
	if d := x.last("wh_1"); d.State != notify.Waiting || d.Status != 500 || d.Answer != "as asked" {
		t.Errorf("%+v", d)
	}
	e.become(says(204))
	for range 130 {
		x.hand.Advance(time.Minute)
		x.drain()
	}
	all, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: "wh_1", State: notify.Delivered, Limit: 100})
	if err != nil || len(all) != 20 {
		t.Errorf("%d of 20 arrived: %v", len(all), err)
	}
	if w, err := x.store.Webhook(t.Context(), "wh_1"); err != nil || w.Failures != 0 || !w.PausedUntil.IsZero() {
		t.Errorf("%+v %v", w.Health, err)
	}
}

// Proves K2: 429 with Retry-After is heeded, 410 ends, a redirect is not followed.
func TestWhatAnEndpointAnswersIsHeeded_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	elsewhere := newEndpoint(t, says(200))
	busy := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "600"); w.WriteHeader(429) })
	gone := newEndpoint(t, says(410))
	moved := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	x.hook("wh_busy", busy.URL)
	x.hook("wh_gone", gone.URL)
	x.hook("wh_moved", moved.URL)
	x.tell(x.published("e1", "acme/hello"))
	for range 9 {
		x.hand.Advance(time.Minute)
		x.drain()
	}
	if n := busy.count(); n != 1 {
		t.Errorf("called %d times in the ten minutes that it asked for", n)
	}
	x.hand.Advance(2 * time.Minute)
	x.drain()
	if n := busy.count(); n != 2 {
		t.Errorf("called %d times after them", n)
	}
	x.tell(x.published("e2", "acme/hello"))
	if w, err := x.store.Webhook(t.Context(), "wh_gone"); gone.count() != 1 || err != nil || w.GoneAt.IsZero() || x.last("wh_gone").State != notify.Dead {
		t.Errorf("gone: %d calls, %+v, %v", gone.count(), w.Health, err)
	}
	if d := x.last("wh_moved"); elsewhere.count() != 0 || d.State != notify.Waiting || !strings.Contains(d.Reason, "redirect") {
		t.Errorf("moved: %d calls elsewhere, %+v", elsewhere.count(), d)
	}
}

// Proves K2: a name that leads to a private address, also only after it was added,
// is not called.
func TestAPrivateAddressIsNotCalled_K2(t *testing.T) {
	t.Parallel()
	x := calling(t)
	e := newEndpoint(t, says(200))
	_, port, err := net.SplitHostPort(e.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	x.hook("wh_1", "http://localhost:"+port+"/") // what a name leads to is looked at when it is dialed
	x.tell(x.published("e1", "acme/hello"))
	if d := x.last("wh_1"); e.count() != 0 || d.State != notify.Waiting || !strings.Contains(d.Reason, "not on the public Internet") {
		t.Errorf("%d calls, %+v", e.count(), d)
	}
}

// Proves K2: an endpoint that never answers holds up no other, and waits among the
// slow ones afterwards.
func TestASlowEndpointDelaysNobody_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	ended, end := context.WithCancel(t.Context())
	slow := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-ended.Done():
		case <-r.Context().Done():
		}
	})
	t.Cleanup(end)
	quick := newEndpoint(t, says(200))
	arrived := make(chan struct{}, 10)
	quick.become(func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} })
	x.hook("wh_slow", slow.URL)
	x.hook("wh_quick", quick.URL)
	if err := x.outbox.Note(t.Context(), x.published("e1", "acme/hello"), x.published("e2", "acme/hello"), x.published("e3", "acme/hello")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.runner.Run(ctx) }()
	for range 3 {
		<-arrived
	}
	if took := time.Since(began); slow.count() > 1 || took >= 2*time.Second {
		t.Errorf("three calls took %s beside %d that hang", took, slow.count())
	}
	stop()
	end()
	<-done
}

// Proves K2: a webhook whose secret was sealed with a lost key of the site signs again
// as soon as it has a new one, and not when the old secret's day is over.
func TestAWebhookThatWasRotatedAfterALostKeySigns_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	e := newEndpoint(t, says(200))
	lost, err := seal.NewBox([]byte(strings.Repeat("l", 32)))
	if err != nil {
		t.Fatal(err)
	}
	x.hook("wh_1", e.URL)
	w, err := x.store.Webhook(t.Context(), "wh_1")
	if err != nil {
		t.Fatal(err)
	}
	was, secret := w.Secret, []byte(strings.Repeat("n", 32))
	w.Secret, w.OldSecret, w.OldUntil = x.sealer.Seal("wh_1", secret), lost.Seal("wh_1", secret), noon.Add(24*time.Hour)
	if err := x.store.ChangeSecrets(t.Context(), w, was); err != nil {
		t.Fatal(err)
	}
	x.tell(x.published("e1", "acme/hello"))
	if d := x.last("wh_1"); d.State != notify.Delivered {
		t.Fatalf("%+v", d)
	}
	if signed := e.came[0].Header.Get("webhook-signature"); !strings.HasPrefix(signed, "v1,") || strings.Contains(signed, " ") {
		t.Errorf("signed %q, expected by the new secret alone", signed)
	}
}

// Proves K2: an endpoint is called one at a time, also when its hour among the slow ones
// ends while it is called, and deliveries to it wait in both lanes.
func TestASlowEndpointIsCalledOneAtATime_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	note := func(id string) {
		if err := x.outbox.Note(t.Context(), x.published(id, "acme/hello")); err != nil {
			t.Error(err)
		}
		if err := x.runner.Drain(t.Context(), notify.EventJobs); err != nil {
			t.Error(err)
		}
	}
	all := func() {
		for _, k := range x.engine.Kinds()[1:] {
			_ = x.runner.Drain(t.Context(), k.Name) // what failed is tried again
		}
	}
	var running, most atomic.Int64
	e := newEndpoint(t, func(http.ResponseWriter, *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		if most.Store(max(most.Load(), n)); n > 1 {
			return
		}
		x.hand.Advance(time.Minute + time.Second) // its hour is over now
		note("e2")                                // and this waits among all others
		all()
	})
	x.hook("wh_1", e.URL)
	if err := x.store.ChangeHealth(t.Context(), "wh_1", notify.Health{SlowUntil: noon.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	x.tell(x.published("e1", "acme/hello")) // waits among the slow ones
	if n := most.Load(); n != 1 {
		t.Errorf("called by %d at a time", n)
	}
	e.become(says(204))
	x.hand.Advance(2 * time.Minute)
	x.drain()
	for _, id := range []string{"e1", "e2"} {
		told, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: "wh_1", Event: id, State: notify.Delivered, Limit: 10})
		if err != nil || len(told) != 1 {
			t.Errorf("%s arrived %d times: %v", id, len(told), err)
		}
	}
}

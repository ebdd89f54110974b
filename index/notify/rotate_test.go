package notify_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/notify"
)

// unwritten is an audit log of a test that looks elsewhere.
type unwritten struct{}

func (unwritten) Note(context.Context, auth.Principal, auth.Action, auth.Resource, any, any) error {
	return nil
}

// service is what the accounts of a site ask.
func (x *site) service() *notify.Service {
	db := x.store
	return notify.NewService(notify.ServiceOptions{
		Options: notify.Options{Events: db, Subscriptions: db, Deliveries: db, Attempts: db, InTx: db.InTx, Queue: db.Jobs(), Rights: x.rights,
			Tenants: db, Source: "https://oarlock.example", Clock: x.hand.Clock()},
		Webhooks: db, Sealer: x.sealer, Audit: unwritten{},
		May:       func(context.Context, auth.Action, auth.Resource) error { return nil },
		Reach:     func(*url.URL) error { return nil },
		HasPlugin: func(_ context.Context, plugin string) (bool, error) { return plugin != "acme/nix", nil },
	}, x.engine)
}

// signatures are those that a call would have by secrets.
func signatures(t *testing.T, r *http.Request, body string, secrets ...string) string {
	t.Helper()
	var keys [][]byte
	for _, text := range secrets {
		key, err := notify.ParseSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	at, err := strconv.ParseInt(r.Header.Get(notify.HeaderTimestamp), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	notify.Sign(h, r.Header.Get(notify.HeaderID), time.Unix(at, 0), []byte(body), keys...)
	return h.Get(notify.HeaderSignature)
}

// Proves K2: for a day after a rotation both secrets sign, and then the new one alone.
func TestBothSecretsSignForADay_K2(t *testing.T) {
	t.Parallel()
	x := calling(t, loopback)
	e := newEndpoint(t, says(204))
	s, ctx := x.service(), auth.With(t.Context(), auth.Principal{Kind: auth.Person, Name: "person:ada"})
	made, err := s.CreateWebhook(ctx, index.NewWebhook{URL: e.URL})
	if err != nil {
		t.Fatal(err)
	}
	x.tell(x.published("e1", "acme/hello"))
	again, err := s.RotateWebhook(ctx, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	x.tell(x.published("e2", "acme/hello"))
	x.hand.Advance(24*time.Hour + time.Second)
	x.tell(x.published("e3", "acme/hello"))
	if e.count() != 3 {
		t.Fatalf("called %d times", e.count())
	}
	for i, secrets := range [][]string{{made.Secret}, {again.Secret, made.Secret}, {again.Secret}} {
		if got, want := e.came[i].Header.Get(notify.HeaderSignature), signatures(t, e.came[i], e.bodies[i], secrets...); got != want {
			t.Errorf("call %d is signed %q, want %q", i, got, want)
		}
	}
	if strings.Contains(made.Secret, again.Secret) {
		t.Error("the new secret is the old one")
	}
}

// Proves K2: what was subscribed to later is not told of what was before.
func TestALaterSubscriptionIsNotToldOfWhatWas_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("early", "person:ada", notify.OfEverything, "", "*")
	before := x.published("e1", "acme/hello")
	x.hand.Advance(time.Millisecond)
	x.subscribe("late", "person:ada", notify.OfEverything, "", "*")
	x.tell(before, x.published("e2", "acme/hello"))
	if d := cmp.Diff(map[string]int{"early e1": 1, "early e2": 1, "late e2": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

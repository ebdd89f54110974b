package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
)

func recorded(t *testing.T) (*site, *recorder) {
	r := &recorder{}
	return newSite(t, func(*site) []notify.Channel { return []notify.Channel{r} }), r
}

// Proves K2, E8: each subscription that matches is told of an event once, however often the event comes.
func TestEachSubscriberIsToldOnce_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("all", "person:ada", notify.OfEverything, "", "*")
	x.subscribe("acme", "person:ada", notify.OfPublisher, "acme", "plugin.*")
	x.subscribe("hello", "person:bob", notify.OfPlugin, "acme/hello", "plugin.published")
	x.subscribe("yanks", "person:bob", notify.OfPlugin, "acme/hello", "plugin.version.*")
	x.subscribe("other", "person:bob", notify.OfPlugin, "acme/other", "*")
	x.tell(x.published("e1", "acme/hello"))
	want := map[string]int{"all e1": 1, "acme e1": 1, "hello e1": 1}
	if d := cmp.Diff(want, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	x.subscribe("late", "person:bob", notify.OfEverything, "", "*")
	x.hand.Advance(time.Second)
	member := notify.Change{ID: "e2", Statement: "member.set", Ledger: "oarlock/publishers:acme", Sequence: 1, At: noon, Noted: noon}
	x.tell(x.published("e1", "acme/hello"), member)
	if got := r.take(); len(got) != 1 || got["late e1"] != 1 { // it was there when the event was noted first
		t.Errorf("told again: %v", got)
	}
}

// Proves E8: rights are asked at each delivery, of the account as it is then, and what is withheld leaves no trace.
func TestWhoMayNotPullIsNotTold_E8(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.rights.private["acme/hello"] = []string{"person:ada"}
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	x.subscribe("bob", "person:bob", notify.OfEverything, "", "*")
	x.tell(x.published("e1", "acme/hello"))
	if d := cmp.Diff(map[string]int{"ada e1": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	r.fail = func(notify.Message) error { return errBusy }
	x.tell(x.published("e2", "acme/hello"))
	r.fail = nil
	x.rights.private["acme/hello"] = nil // ada is no member any more
	x.hand.Advance(notify.LongestPause)
	x.drain()
	if got := r.take(); len(got) != 0 {
		t.Errorf("told after the right was taken: %v", got)
	}
	for _, to := range []string{"to-bob", "to-ada"} {
		all, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: to, Event: "e2", Limit: 10})
		if err != nil || len(all) != 0 {
			t.Errorf("%s sees %+v: %v", to, all, err)
		}
	}
	x.rights.gone = "person:ada"
	x.tell(x.published("e3", "acme/open"))
	if d := cmp.Diff(map[string]int{"bob e3": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

// Not knowing whether somebody may know of it tells nobody, and is tried again.
func TestNotKnowingTellsNobody_E8(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	x.rights.silent = errors.New("the database does not answer")
	x.tell(x.published("e1", "acme/hello"))
	if got := r.take(); len(got) != 0 {
		t.Errorf("told: %v", got)
	}
	x.rights.silent = nil
	x.hand.Advance(10 * time.Second)
	x.drain()
	if d := cmp.Diff(map[string]int{"ada e1": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

// Proves K2: what is not taken is tried after 5 s, then after pauses that grow, for three days; then it is a dead letter.
func TestADeliveryIsTriedForThreeDays_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	var tried []time.Duration
	r.fail = func(notify.Message) error {
		tried = append(tried, x.hand.Clock().Now().Sub(noon))
		return errBusy
	}
	x.tell(x.published("e1", "acme/hello"))
	for x.hand.Clock().Now().Before(noon.Add(notify.GiveUpAfter + 2*notify.LongestPause)) {
		all, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: "to-ada", Limit: 1})
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v %v", all, err)
		}
		if all[0].State == notify.Dead {
			break
		}
		x.hand.Advance(max(all[0].Next.Sub(x.hand.Clock().Now()), time.Second))
		x.drain()
	}
	if len(tried) < 5 || tried[1] != 5*time.Second || tried[2] != 15*time.Second || tried[3] != 35*time.Second {
		t.Fatalf("tried at %v", tried[:min(len(tried), 5)])
	}
	if last := tried[len(tried)-1]; last > notify.GiveUpAfter || last < notify.GiveUpAfter-notify.LongestPause {
		t.Errorf("tried last after %s", last)
	}
	all, err := x.store.Deliveries(t.Context(), notify.DeliveryQuery{Receiver: "to-ada", State: notify.Dead, Limit: 10})
	if err != nil || len(all) != 1 {
		t.Fatalf("dead: %+v %v", all, err)
	}
	d := all[0]
	if d.Attempts != len(tried) || d.Status != 500 || d.Reason != "busy" ||
		len(d.Answer) > notify.AnswerBytes || !utf8.ValidString(d.Answer) || !strings.HasPrefix(d.Answer, "éé") {
		t.Errorf("dead: %+v", d)
	}
}

// One who wants no more is not asked again.
func TestGoneEndsADelivery_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	n := 0
	r.fail = func(notify.Message) error { n++; return fmt.Errorf("410: %w", notify.ErrGone) }
	x.tell(x.published("e1", "acme/hello"))
	x.hand.Advance(time.Hour)
	x.drain()
	if n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// Proves E8: an event says what its statement says, without the replacement that the receiver may not pull.
func TestAnEventSaysWhatItsStatementSays_E8(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.rights.private["acme/secret"] = []string{"person:ada"}
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	x.subscribe("bob", "person:bob", notify.OfEverything, "", "*")
	x.tell(notify.Change{ID: "e1", Ledger: "acme/hello:oarlock-state", Sequence: 3, Statement: "plugin.deprecated", At: noon, Noted: noon})
	seen := map[string]index.CloudEvent{}
	for _, m := range r.told {
		var e index.CloudEvent
		if err := json.Unmarshal(m.Body, &e); err != nil {
			t.Fatal(err)
		}
		seen[m.Subscription.ID] = e
	}
	a, b := seen["ada"], seen["bob"]
	if a.Type != "dev.oarlock.plugin.deprecated.v1" || a.SpecVersion != "1.0" || a.ID != "e1" ||
		a.Subject != "acme/hello" || a.Source != "https://oarlock.example" ||
		a.Data.Details["reason"] != "superseded" || a.Data.Statement.Sequence != 3 || a.Data.Statement.Actor != "person:ada" {
		t.Errorf("ada: %+v", a)
	}
	if a.Data.Details["replacement"] != "acme/secret" || b.Data.Details["replacement"] != nil || b.Data.Details["reason"] != "superseded" {
		t.Errorf("replacement: ada %v, bob %v", a.Data.Details, b.Data.Details)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]notify.Pattern{
		"plugin.published": "plugin.published", "dev.oarlock.plugin.published.v1": "plugin.published", " plugin.* ": "plugin.*",
		"*": "*", "plugin.version.*": "plugin.version.*",
	} {
		if got, err := notify.ParsePattern(text); got != want || err != nil {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	for _, text := range []string{"", "plugin", "plugin*", "plug*", "*.published", "published", "plugin.nothing.*", "webhook.tested", "PLUGIN.*", "plugin.published\n*"} {
		if got, err := notify.ParsePattern(text); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	if !notify.Pattern("plugin.*").Matches(notify.VersionYanked) || notify.Pattern("plugin.*").Matches(notify.KeyAdded) || notify.Pattern("plugin.version.*").Matches(notify.PluginRemoved) {
		t.Error("a group names what begins with it")
	}
}

// The types are public names: the page lists each.
func TestEveryTypeIsInTheDocs_K2(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range append(notify.Types(), notify.WebhookTested) {
		if !strings.Contains(string(page), "`"+string(one)+"`") {
			t.Errorf("docs/notifications.md does not list %s", one)
		}
	}
}

// Proves K2: an event that was addressed by a replica of an older release, which knows
// not the channel of a subscription, is told by the replicas that do.
func TestAChannelOfALaterReleaseIsToldByWhoHasIt_K2(t *testing.T) {
	t.Parallel()
	x := newSite(t, func(*site) []notify.Channel { return nil })
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	x.tell(x.published("e1", "acme/hello"))
	r := &recorder{}
	x.become(r)
	x.drain()
	if d := cmp.Diff(map[string]int{"ada e1": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

// Proves K2: what a receiver took while the server was told to stop is not brought again.
func TestWhatWasTakenWhileTheServerStopsIsKept_K2(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	if err := x.outbox.Note(t.Context(), x.published("e1", "acme/hello")); err != nil {
		t.Fatal(err)
	}
	if err := x.runner.Drain(t.Context(), notify.EventJobs); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.fail = func(notify.Message) error { stop(); return nil }
	_ = x.runner.Drain(ctx, "webhook")
	r.fail = nil
	x.drain()
	if d := cmp.Diff(map[string]int{"ada e1": 1}, r.take()); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

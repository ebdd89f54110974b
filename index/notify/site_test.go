package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/seal"
	"github.com/oarlock/oarlock/index/store"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// A site tells by one channel, over a real database and a clock that the test turns.
type site struct {
	t      *testing.T
	store  *store.Store
	hand   *clock.Hand
	outbox *notify.Outbox
	engine *notify.Engine
	runner *jobs.Runner
	rights *rights
	// unreadable are the numbers of statements that cannot be read.
	unreadable sync.Map
	sealer     *seal.Box // of a site that calls webhooks
}

// newSite makes one whose channels make gives.
func newSite(t *testing.T, make func(*site) []notify.Channel) *site {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "oarlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	x := &site{t: t, store: db, hand: clock.NewHand(noon), outbox: notify.NewOutbox(db.Jobs()), rights: &rights{private: map[string][]string{}}}
	x.become(make(x)...)
	return x
}

// become has the site tell by other channels, as that of another release does.
func (x *site) become(channels ...notify.Channel) {
	db := x.store
	x.engine = notify.NewEngine(notify.Options{
		Outbox: x.outbox, Events: db, Subscriptions: db, Deliveries: db, Attempts: db, InTx: db.InTx, Queue: db.Jobs(),
		Statements: said{&x.unreadable}, Rights: x.rights, Tenants: db, Source: "https://oarlock.example", Clock: x.hand.Clock(), Log: slog.New(slog.DiscardHandler),
	}, channels...)
	x.runner = jobs.NewRunner(jobs.RunnerOptions{
		Queue: db.Jobs(), InTx: db.InTx, Clock: x.hand.Clock(), Log: slog.New(slog.DiscardHandler), Poll: time.Second,
	}, x.engine.Kinds()...)
}

// rights let everybody pull all but what is private, which those named may pull.
type rights struct {
	mu      sync.Mutex
	private map[string][]string
	gone    string // an account that is no more
	silent  error
	manager string // who may manage the site
}

func (r *rights) Account(_ context.Context, name string) (auth.Principal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name == r.gone {
		return auth.Principal{}, fmt.Errorf("account %s: %w", name, artifact.ErrNotFound)
	}
	return auth.Principal{Kind: auth.Person, Name: name}, r.silent
}

func (r *rights) Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if action != auth.RepositoryPull {
		return r.manager != "" && auth.From(ctx).Name == r.manager, nil
	}
	who, private := r.private[on.Repository]
	return !private || strings.Contains(strings.Join(who, " "), auth.From(ctx).Name), nil
}

// said is a ledger with one statement, of the kind that a ledger's name begins with;
// what is unreadable is not there.
type said struct{ unreadable *sync.Map }

func (l said) Statement(_ context.Context, ledger string, sequence int) (index.LedgerStatement, error) {
	if _, bad := l.unreadable.Load(sequence); bad {
		return index.LedgerStatement{}, fmt.Errorf("statement %d is damaged: %w", sequence, artifact.ErrInvalid)
	}
	if strings.HasPrefix(ledger, "acme/bad") || strings.HasPrefix(ledger, "acme/all") {
		return index.LedgerStatement{Sequence: sequence, Kind: "emergency.declared", At: noon, Actor: "person:ada", Role: "platform",
			Body: map[string]any{"reason": "malware", "digests": []any{"sha256:of-the-version"}}}, nil
	}
	return index.LedgerStatement{Sequence: sequence, Kind: "plugin.deprecated", At: noon, Actor: "person:ada", Role: "owner",
		Body: map[string]any{"reason": "superseded", "replacement": "acme/secret"}}, nil
}

// Stopped names one version for each word of the ledger.
func (said) Stopped(_ context.Context, ledger string, _ index.LedgerStatement) (notify.Stopped, error) {
	if strings.HasPrefix(ledger, "acme/all") {
		return notify.Stopped{All: true}, nil
	}
	return notify.Stopped{Versions: []string{"0.2.0"}, Digest: "sha256:of-the-version"}, nil
}

func (x *site) subscribe(id, owner string, scope notify.Scope, about string, events ...notify.Pattern) {
	x.t.Helper()
	x.subscribeAt("to-"+id, id, owner, scope, about, events...)
}

// subscribeAt subscribes at a receiver that others may have too.
func (x *site) subscribeAt(receiver, id, owner string, scope notify.Scope, about string, events ...notify.Pattern) {
	x.t.Helper()
	err := x.store.AddSubscription(x.t.Context(), notify.Subscription{
		ID: id, Owner: owner, Channel: "webhook", Receiver: receiver, Scope: scope, About: about, Events: events, CreatedAt: x.hand.Clock().Now(),
	}, 10)
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *site) published(id, plugin string) notify.Change {
	now := x.hand.Clock().Now()
	return notify.Change{ID: id, Type: notify.PluginPublished, Plugin: plugin, Version: "1.0.0", At: now, Noted: now}
}

// tell notes changes and has everything done that is due.
func (x *site) tell(changes ...notify.Change) {
	x.t.Helper()
	if err := x.outbox.Note(x.t.Context(), changes...); err != nil {
		x.t.Fatal(err)
	}
	x.drain()
}

func (x *site) drain() {
	x.t.Helper()
	if err := x.runner.Drain(x.t.Context(), notify.EventJobs); err != nil {
		x.t.Fatal(err)
	}
	for _, k := range x.engine.Kinds()[1:] {
		_ = x.runner.Drain(x.t.Context(), k.Name) // what failed is tried again
	}
}

// recorder is a channel that remembers what it was to tell.
type recorder struct {
	mu   sync.Mutex
	told []notify.Message
	// fail says why a message does not arrive.
	fail func(notify.Message) error
}

func (r *recorder) Name() string { return "webhook" }

func (r *recorder) Accept(_ context.Context, _, receiver string) (string, error) {
	return receiver, nil
}

func (r *recorder) Lanes() []notify.Lane {
	return []notify.Lane{{Name: "webhook", Workers: 4, Lease: time.Minute}}
}

func (r *recorder) Lane(context.Context, string) (string, error) { return "webhook", nil }

func (r *recorder) Deliver(_ context.Context, m notify.Message) (notify.Answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(m); err != nil {
			return notify.Answer{Status: 500, Text: strings.Repeat("é", 400), Took: time.Second}, err
		}
	}
	r.told = append(r.told, m)
	return notify.Answer{Status: 200}, nil
}

// take gives "subscription event" for each that was told, and forgets them.
func (r *recorder) take() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	for _, m := range r.told {
		out[m.Subscription.ID+" "+m.Event.ID]++
	}
	r.told = nil
	return out
}

var errBusy = errors.New("busy")

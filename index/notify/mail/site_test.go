package mail_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/notify/mail"
	"github.com/oarlock/oarlock/index/notify/mail/mailtest"
	"github.com/oarlock/oarlock/index/store"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// A site sends letters by a real server, over a real database and a clock that the
// test turns.
type site struct {
	t         *testing.T
	smtp      *mailtest.Server
	store     *store.Store
	hand      *clock.Hand
	outbox    *notify.Outbox
	engine    *notify.Engine
	mailboxes *notify.Mailboxes
	service   *notify.Service
	links     notify.Links
	runner    *jobs.Runner
	kinds     []jobs.Kind
	rights    *rights
	audit     *audit
}

func newSite(t *testing.T, o mailtest.Options, change func(*mail.Server)) *site {
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
	x := &site{t: t, smtp: mailtest.New(t, o), store: db, hand: clock.NewHand(noon), outbox: notify.NewOutbox(db.Jobs()),
		rights: &rights{}, audit: &audit{}, links: notify.NewLinks([]byte("key"), "https://plugins.example.org")}
	log := slog.New(slog.DiscardHandler)
	x.mailboxes = notify.NewMailboxes(notify.MailboxOptions{
		Mailboxes: db, Asks: db, Letters: db, Subscriptions: db, Queue: db.Jobs(), InTx: db.InTx, Audit: x.audit, Links: x.links, Clock: x.hand.Clock(),
	})
	server := mail.Server{Host: x.smtp.Host, Port: x.smtp.Port, TLS: mail.NonePlain, From: "Oarlock <plugins@example.org>", Roots: x.smtp.Roots}
	if change != nil {
		change(&server)
	}
	mailer, err := mail.NewMailer(mail.Options{Server: server, Mailboxes: x.mailboxes, Links: x.links, Site: "plugins.example.org", Clock: x.hand.Clock(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	with := notify.Options{
		Outbox: x.outbox, Events: db, Subscriptions: db, Deliveries: db, Attempts: db, InTx: db.InTx, Queue: db.Jobs(),
		Statements: none{}, Rights: x.rights, Tenants: db, Source: "https://plugins.example.org", Clock: x.hand.Clock(), Log: log,
	}
	x.engine = notify.NewEngine(with, mailer)
	x.service = notify.NewService(notify.ServiceOptions{Options: with, Webhooks: db, Mailboxes: x.mailboxes, Audit: x.audit,
		May: func(context.Context, auth.Action, auth.Resource) error { return nil }}, x.engine)
	x.kinds = append(x.engine.Kinds(), mailer.Kind())
	x.runner = jobs.NewRunner(jobs.RunnerOptions{Queue: db.Jobs(), InTx: db.InTx, Clock: x.hand.Clock(), Log: log, Poll: time.Second}, x.kinds...)
	return x
}

type none struct{}

func (none) Statement(context.Context, string, int) (index.LedgerStatement, error) {
	return index.LedgerStatement{}, fmt.Errorf("no ledger is here")
}

func (none) Stopped(context.Context, string, index.LedgerStatement) (notify.Stopped, error) {
	return notify.Stopped{}, fmt.Errorf("no ledger is here")
}

// rights let everybody pull everything but what is said to be private.
type rights struct{ private string }

func (r *rights) Account(_ context.Context, name string) (auth.Principal, error) {
	return auth.Principal{Kind: auth.Person, Name: name}, nil
}

func (r *rights) Can(_ context.Context, action auth.Action, on auth.Resource) (bool, error) {
	return action == auth.RepositoryPull && on.Repository != r.private, nil
}

// audit remembers what was written down.
type audit struct{ rows []string }

func (a *audit) Note(_ context.Context, by auth.Principal, _ auth.Action, _ auth.Resource, before, after any) error {
	a.rows = append(a.rows, fmt.Sprint(by.Name, " ", before, " ", after))
	return nil
}

func (x *site) as(name string) context.Context {
	return auth.With(x.t.Context(), auth.Principal{Kind: auth.Person, Name: "person:" + name})
}

// subscribe subscribes ada at an address, and has what is asked sent.
func (x *site) subscribe(q index.NewSubscription) index.Subscription {
	x.t.Helper()
	q.Channel = notify.EmailChannel
	s, err := x.service.CreateSubscription(x.as("ada"), q)
	if err != nil {
		x.t.Fatal(err)
	}
	x.drain()
	return s
}

var tokens = regexp.MustCompile(`subscription confirm ([A-Z2-7]+)`)

// confirmed subscribes ada and says yes.
func (x *site) confirmed(q index.NewSubscription) index.Subscription {
	x.t.Helper()
	s := x.subscribe(q)
	all := x.smtp.Letters()
	if len(all) == 0 {
		x.t.Fatal("nobody was asked")
	}
	token := tokens.FindStringSubmatch(all[len(all)-1].Body)
	if token == nil {
		x.t.Fatalf("no token in %s", all[len(all)-1].Body)
	}
	if _, err := x.mailboxes.Confirm(x.t.Context(), token[1], "", ""); err != nil {
		x.t.Fatal(err)
	}
	return s
}

func (x *site) published(id, plugin string) notify.Change {
	now := x.hand.Clock().Now()
	return notify.Change{ID: id, Type: notify.PluginPublished, Plugin: plugin, Version: "1.0.0", At: now, Noted: now}
}

func (x *site) tell(changes ...notify.Change) {
	x.t.Helper()
	if err := x.outbox.Note(x.t.Context(), changes...); err != nil {
		x.t.Fatal(err)
	}
	x.drain()
}

func (x *site) drain() {
	x.t.Helper()
	for _, k := range x.kinds {
		_ = x.runner.Drain(x.t.Context(), k.Name) // what failed is tried again
	}
}

// deliveries are those of a subscription that were tried, the newest first.
func (x *site) deliveries(s index.Subscription) []notify.Delivery {
	x.t.Helper()
	all, err := x.store.Deliveries(x.t.Context(), notify.DeliveryQuery{Subscription: s.ID, Limit: 100})
	if err != nil {
		x.t.Fatal(err)
	}
	return all
}

// again has a delivery made that was made already.
func again(t *testing.T, x *site, d notify.Delivery) {
	t.Helper()
	err := x.store.Jobs().Enqueue(t.Context(), jobs.Job{Kind: notify.EmailChannel, Key: d.Receiver, Payload: []byte(d.ID), AskedAt: x.hand.Clock().Now()})
	if err != nil {
		t.Fatal(err)
	}
	x.drain()
}

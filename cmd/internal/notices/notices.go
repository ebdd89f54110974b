package notices

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/notify/mail"
	"github.com/oarlock/oarlock/index/seal"
	"github.com/oarlock/oarlock/index/store"
)

// Options of Notices; all must be given but Client.
type Options struct {
	Config config.Config
	Store  *store.Store
	Outbox *notify.Outbox
	// Statements read ledgers.
	Statements notify.Statements
	Rights     notify.Rights
	May        func(ctx context.Context, action auth.Action, on auth.Resource) error
	Audit      notify.AuditLog
	// Withholding knows what may not be pulled.
	Withholding Withholding
	// HasPlugin reports whether something of a plugin was pushed here.
	HasPlugin func(ctx context.Context, plugin string) (bool, error)
	// PublicURL is where clients reach the server.
	PublicURL, Version string
	Clock              clock.Clock
	Log                *slog.Logger
}

// Notices tell of events by webhook, and by e-mail where there is a server for it.
type Notices struct {
	*notify.Engine
	Service *notify.Service
	// Mailboxes confirm addresses, and end subscriptions by the links of letters.
	Mailboxes *notify.Mailboxes
	mailer    *mail.Mailer // nil where the site sends no letters
	store     *store.Store
	clock     clock.Clock
	unread    unread

	withholding Withholding
	watch       notify.WithheldWatch
	looked      string    // what may not be pulled, when it was told last
	lookAt      time.Time // when it is looked again though nothing changed here
	quarantined bool      // something was in quarantine then, which is in damaged
	damaged     []notify.Withheld
}

// New makes Notices.
func New(o Options) (*Notices, error) {
	reach, err := o.Config.Outbound.Options()
	if err != nil {
		return nil, err
	}
	reach.Timeout, reach.Bytes = notify.CallTimeout, 1<<20
	if o.Config.Footing().AnyoneIsAdmin { // a server for this machine alone
		reach.Networks = append(reach.Networks, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	key, err := keyFor(o.Config.Data, "oarlock webhook seal 1")
	if err != nil {
		return nil, err
	}
	sealer, err := seal.NewBox(key)
	if err != nil {
		return nil, err
	}
	db := o.Store
	caller := notify.NewCaller(notify.CallerOptions{
		Webhooks: db, Health: db, Queue: db.Jobs(), Sealer: sealer, Client: outbound.New(reach), Clock: o.Clock, Agent: "oarlock/" + o.Version,
	})
	with := notify.Options{
		Outbox: o.Outbox, Events: db, Subscriptions: db, Deliveries: db, Attempts: db, InTx: db.InTx, Queue: db.Jobs(),
		Statements: o.Statements, Rights: o.Rights, Tenants: db, Source: o.PublicURL, Clock: o.Clock, Log: o.Log,
	}
	mailboxes, mailer, err := letters(o)
	if err != nil {
		return nil, err
	}
	channels := []notify.Channel{caller}
	if mailer != nil {
		channels = append(channels, mailer)
	}
	engine := notify.NewEngine(with, channels...)
	service := notify.NewService(notify.ServiceOptions{
		Options: with, Webhooks: db, Sealer: sealer, Caller: caller, Mailboxes: mailboxes, May: o.May, Audit: o.Audit,
		HasPlugin: o.HasPlugin, Reach: reachable{reach}.check,
	}, engine)
	return &Notices{
		Engine: engine, Service: service, Mailboxes: mailboxes, mailer: mailer, store: db, clock: o.Clock, unread: newUnread(),
		withholding: o.Withholding, quarantined: true,
		watch: notify.WithheldWatch{Store: db, Outbox: o.Outbox, Still: o.Withholding.Still, InTx: db.InTx, Clock: o.Clock},
	}, nil
}

// letters are who is told by e-mail, and who sends it: nil where there is no server.
func letters(o Options) (*notify.Mailboxes, *mail.Mailer, error) {
	key, err := keyFor(o.Config.Data, "oarlock mail links 1")
	if err != nil {
		return nil, nil, err
	}
	db, links := o.Store, notify.NewLinks(key, o.PublicURL)
	mailboxes := notify.NewMailboxes(notify.MailboxOptions{
		Mailboxes: db, Asks: db, Letters: db, Subscriptions: db, Queue: db.Jobs(), InTx: db.InTx, Audit: o.Audit, Links: links, Clock: o.Clock,
	})
	server, err := o.Config.Mail.Server()
	if err != nil || server == nil {
		return mailboxes, nil, err
	}
	site := o.PublicURL
	if u, err := url.Parse(site); err == nil {
		site = u.Host
	}
	mailer, err := mail.NewMailer(mail.Options{Server: *server, Mailboxes: mailboxes, Links: links, Site: site, Clock: o.Clock, Log: o.Log})
	return mailboxes, mailer, err
}

// Kinds are the jobs that tell, and those that ask to confirm an address.
func (n *Notices) Kinds() []jobs.Kind {
	kinds := n.Engine.Kinds()
	if n.mailer != nil {
		kinds = append(kinds, n.mailer.Kind())
	}
	return kinds
}

// keyFor is a key for one use, which replicas share as they share the platform's.
func keyFor(data, use string) ([]byte, error) {
	key, err := config.PlatformKey(data)
	if err != nil {
		return nil, err
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	return hkdf.Key(sha256.New, secret, nil, use, 32)
}

// reachable says before a webhook is kept what its calls would be refused for
// each time. What a name leads to is looked at then, too.
type reachable struct{ o outbound.Options }

func (r reachable) check(u *url.URL) error {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	named := slices.Contains(r.o.Hosts, host)
	at, err := netip.ParseAddr(host)
	literal := err == nil
	if literal && !named {
		if err := outbound.CheckAddress(at, r.o.Networks...); err != nil {
			return fmt.Errorf("url: %w; an operator lets it be reached by outbound.networks", err)
		}
	}
	inside := named || literal && slices.ContainsFunc(r.o.Networks, func(p netip.Prefix) bool { return p.Contains(at) })
	switch {
	case u.Scheme == "https", u.Scheme == "http" && inside:
		return nil
	}
	return fmt.Errorf("url: scheme %.20q: expected https; "+
		"http only to hosts and networks that the operator named in outbound: %w", u.Scheme, artifact.ErrInvalid)
}

const (
	// pruneEvery is how often what is old is removed, pruneAtOnce how much at once.
	pruneEvery  = time.Hour
	pruneAtOnce = 1000
	// keepAttempts is how long attempts and ended deliveries are kept, and
	// keepEvents how long events are.
	keepAttempts = 14 * 24 * time.Hour
	keepEvents   = 90 * 24 * time.Hour
	// keepAsks is how long it is known who was asked to confirm an address: longer
	// than any limit looks back.
	keepAsks = 2 * 24 * time.Hour
)

// Tasks remove what is old, look for events that could not be read, and for
// what may not be pulled.
func (n *Notices) Tasks() []periodic.Task {
	return []periodic.Task{
		{Name: "notifications_retention", Every: pruneEvery, Jitter: pruneEvery / 20, Run: n.prune},
		{Name: "unread_events", Every: unreadEvery, AtStart: true, Run: n.lookUnread},
		{Name: "withheld_events", Every: withheldEvery, AtStart: true, Quiet: true, Run: n.lookWithheld},
	}
}

func (n *Notices) prune(ctx context.Context) error {
	now := n.clock.Now()
	for _, part := range []struct {
		prune  func(context.Context, time.Time, int) (int, error)
		before time.Time
	}{{n.store.PruneAttempts, now.Add(-keepAttempts)}, {n.store.PruneEvents, now.Add(-keepEvents)},
		{n.store.PruneAsks, now.Add(-keepAsks)}, {n.store.PruneLetters, now}} {
		for {
			removed, err := part.prune(ctx, part.before, pruneAtOnce)
			if err != nil {
				return err
			}
			if removed < pruneAtOnce {
				break
			}
		}
	}
	return nil
}

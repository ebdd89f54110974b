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
	"github.com/oarlock/oarlock/index/notify"
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
	// PublicURL is where clients reach the server.
	PublicURL, Version string
	Clock              clock.Clock
	Log                *slog.Logger
}

// Notices tell of events by webhook.
type Notices struct {
	*notify.Engine
	Service *notify.Service
	store   *store.Store
	clock   clock.Clock
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
	key, err := sealKey(o.Config.Data)
	if err != nil {
		return nil, err
	}
	sealer, err := notify.NewSealer(key)
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
	engine := notify.NewEngine(with, caller)
	service := notify.NewService(notify.ServiceOptions{
		Options: with, Webhooks: db, Sealer: sealer, Caller: caller, May: o.May, Audit: o.Audit, Reach: reachable{reach}.check,
	}, engine)
	return &Notices{engine, service, db, o.Clock}, nil
}

// sealKey is what secrets of webhooks are sealed with: replicas share it, as they
// share the platform's key.
func sealKey(data string) ([]byte, error) {
	key, err := config.PlatformKey(data)
	if err != nil {
		return nil, err
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	return hkdf.Key(sha256.New, secret, nil, "oarlock webhook seal 1", 32)
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
)

// Tasks remove what is old.
func (n *Notices) Tasks() []periodic.Task {
	return []periodic.Task{{Name: "notifications_retention", Every: pruneEvery, Jitter: pruneEvery / 20, Run: n.prune}}
}

func (n *Notices) prune(ctx context.Context) error {
	now := n.clock.Now()
	for _, part := range []struct {
		prune  func(context.Context, time.Time, int) (int, error)
		before time.Time
	}{{n.store.PruneAttempts, now.Add(-keepAttempts)}, {n.store.PruneEvents, now.Add(-keepEvents)}} {
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

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/lostkeys"
	"github.com/oarlock/oarlock/cmd/internal/replicas"
	"github.com/oarlock/oarlock/cmd/internal/sitebackup"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// premises are what only one server may hold, or all replicas of one site: room
// on the disks, the database, the storage, and the addresses.
type premises struct {
	reserves reserves
	database database
	storage  *storage.Storage
	blocks   *block.Blocks
	withheld *withheld
	// refused counts how long this replica took to refuse what emergencies name.
	refused  prometheus.Histogram
	listener net.Listener
	metrics  net.Listener // nil without an address of its own
}

// closers give back what was opened, the last first.
type closers []func() error

func (c *closers) add(one func() error) { *c = append(*c, one) }

func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i]())
	}
	*c = nil
	return errors.Join(errs...)
}

// take opens the premises. Storage and addresses are all tried, so that every
// problem is named at once.
func take(ctx context.Context, cfg config.Config, at clock.Clock, log *slog.Logger, held *closers) (*premises, error) {
	p := &premises{withheld: new(withheld)}
	var problems []string
	problem := func(key string, err error) {
		switch {
		case err != nil && key == "":
			problems = append(problems, err.Error())
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s: %s", key, err))
		}
	}
	key, err := p.takeStores(ctx, cfg, at, log, held)
	problem(key, err)
	p.listener, err = listen(cfg.Listen, held)
	problem("listen", err)
	if cfg.Metrics != "" {
		p.metrics, err = listen(cfg.Metrics, held)
		problem("metrics", err)
	}
	if len(problems) > 0 {
		return nil, &config.Error{Problems: problems}
	}
	return p, nil
}

func listen(address string, held *closers) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	held.add(func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}

// takeStores opens the database and the storage; what is wrong is so with the
// setting key, where there is one.
func (p *premises) takeStores(ctx context.Context, cfg config.Config, at clock.Clock, log *slog.Logger, held *closers) (key string, err error) {
	if err := durable.Private(cfg.Data); err != nil {
		return "data", fmt.Errorf("directory %q: %w", cfg.Data, err)
	}
	if err := sitebackup.Unfinished(cfg.Data); err != nil {
		return "", err
	}
	if p.reserves, err = openReserves(cfg, log); err != nil {
		return "limits.reserve", err
	}
	if p.database, err = openDatabase(ctx, cfg); err != nil {
		return "db", err
	}
	held.add(p.database.close)
	key = "data"
	if cfg.Storage != "" {
		key = "storage"
	}
	if err := p.takeStorage(ctx, cfg, at, log, held); err != nil || cfg.Replicated() {
		return key, err
	}
	return "db", p.database.store.FreeLeases(ctx) // of a process that was killed
}

func (p *premises) takeStorage(ctx context.Context, cfg config.Config, at clock.Clock, log *slog.Logger, held *closers) error {
	place, err := config.ParseStorage(cfg.Storage)
	if err != nil {
		return err
	}
	dir := place.Dir
	if dir == "" {
		dir = filepath.Join(cfg.Data, "registry")
	}
	p.storage, err = storage.Open(ctx, storage.Options{
		Options: driver.Options{Dir: dir, Driver: place.Driver, Parameters: place.Parameters, Replicated: cfg.Replicated(), Logger: log},
		Locker:  p.database.locker(), Withholds: p.withheld.changed, Now: at.Now, CacheBytes: cfg.Limits.Cache,
	})
	if err != nil {
		return err
	}
	held.add(p.storage.Close)
	p.refused = newRefused()
	p.blocks, err = block.Open(ctx, p.storage, block.Options{Announce: replicas.Announcer(p.database.notifier), Withholds: p.withheld.changed,
		Refused: countRefused(at, p.refused)})
	if err != nil {
		return err
	}
	held.add(func() error { p.blocks.Close(); return nil })
	return nil
}

// withheld hears from storage and blocks of which repositories something may not
// be read now, or may again. Who looks at them anew reads both, so that he is made
// after them: that is a circle, and here is where it is closed. What came before
// is kept for him.
type withheld struct {
	mu    sync.Mutex
	to    looker
	early map[string]bool
}

// A looker looks again at a repository, or at all.
type looker interface {
	Touch(repository string, subjects ...digest.Digest)
	TouchAll()
}

// tell has to look at what changes from now on. It is called once.
func (w *withheld) tell(to looker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
	delete(w.early, "") // what is withheld everywhere he compares himself with what he knows
	for repository := range w.early {
		w.pass(repository)
	}
	w.early = nil
}

// changed implements the hook of storage and blocks; "" is any repository.
func (w *withheld) changed(repository string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.to != nil {
		w.pass(repository)
		return
	}
	if w.early == nil {
		w.early = map[string]bool{}
	}
	w.early[repository] = true
}

func (w *withheld) pass(repository string) {
	if repository == "" {
		w.to.TouchAll()
		return
	}
	w.to.Touch(repository)
}

// database is where accounts and what was published are kept, and by which
// replicas exclude and hear each other.
type database struct {
	store    *store.Store
	locks    *store.AdvisoryLocker // nil without replicas
	notifier *store.Notifier       // nil without replicas
}

func openDatabase(ctx context.Context, cfg config.Config) (d database, err error) {
	if d.store, err = store.Open(ctx, cfg.DatabaseURL()); err != nil {
		return d, err
	}
	if !cfg.Replicated() {
		return d, nil
	}
	if d.locks, err = store.OpenAdvisoryLocker(ctx, cfg.DB); err == nil {
		d.notifier, err = store.OpenNotifier(ctx, cfg.DB)
	}
	if err != nil {
		return database{}, errors.Join(err, d.close())
	}
	return d, nil
}

// locker is what excludes the writers of other replicas; nil where there are none.
func (d database) locker() storage.Locker {
	if d.locks == nil {
		return nil
	}
	return d.locks
}

func (d database) close() error {
	var errs []error
	if d.notifier != nil {
		errs = append(errs, d.notifier.Close())
	}
	if d.locks != nil {
		errs = append(errs, d.locks.Close())
	}
	return errors.Join(append(errs, d.store.Close())...)
}

// signers are asked before a key is made whether an earlier one signed something.
func (p *premises) signers() lostkeys.Site {
	return lostkeys.Site{Storage: p.storage, Database: p.database.store}
}

// urlOf is how to reach a listener from this machine.
func urlOf(cfg config.Config, l net.Listener) string {
	scheme := "http"
	if cfg.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + l.Addr().String()
}

// publicURL is how clients reach the server.
func publicURL(cfg config.Config, l net.Listener) string {
	if cfg.PublicURL != "" {
		return cfg.PublicURL
	}
	return urlOf(cfg, l)
}

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry"
)

const (
	// recountEvery is how often all namespaces are counted anew, for what no
	// event told.
	recountEvery = 6 * time.Hour
	// recountLooks is how often is looked which ones are to be counted, and
	// how often what needs no limit is written down.
	recountLooks = 10 * time.Second
	// recountAtMost is how often a namespace at its limit is counted before a
	// push is refused.
	recountAtMost = 5 * time.Second
)

// usage keeps what namespaces hold equal to what is stored: bytes are added as
// they come, and the sum is counted anew from storage after deletes, after
// collections, now and then, and before a push is refused.
type usage struct {
	accounts *accounts
	registry *registry.Registry
	log      *slog.Logger
	counting singleflight.Group

	// commits is held, shared, while a push of a manifest is counted, and alone
	// for the moment in which a recount reads the sum.
	commits sync.RWMutex

	mu      sync.Mutex
	taken   map[string]int64 // by uploads that run, in this process
	unsaved map[string]int64 // of namespaces without a limit
	counted map[string]time.Time
	due     map[string]bool
	pending map[string]map[string]bool // "<repository>:<version>" that are counted, whose tag may not be set yet, by namespace
	fresh   map[string]map[string]bool // those that were counted while their namespace is
}

func newUsage(a *accounts, log *slog.Logger) *usage {
	return &usage{accounts: a, log: log, taken: map[string]int64{}, unsaved: map[string]int64{}, counted: map[string]time.Time{}, due: map[string]bool{},
		pending: map[string]map[string]bool{}, fresh: map[string]map[string]bool{}}
}

// BeginUpload implements registry.ByteAdmitter.
func (g gate) BeginUpload(_ context.Context, x registry.Access) (registry.Meter, error) {
	namespace, _, _ := strings.Cut(x.Repository, "/")
	return &meter{usage: g.accounts.usage, namespace: namespace, limited: g.accounts.quota.Limits(namespace).Bytes > 0}, nil
}

// meter counts one request of an upload.
type meter struct {
	usage     *usage
	namespace string
	limited   bool
	taken     int64
}

// Take implements registry.Meter.
func (m *meter) Take(ctx context.Context, n int64) error {
	add := func() error {
		m.usage.hold(m.namespace, n) // first: a count between the two finds too much, never too little
		if !m.limited {
			m.usage.later(m.namespace, n)
			return nil
		}
		err := m.usage.add(ctx, m.namespace, n)
		if err != nil {
			m.usage.hold(m.namespace, -n)
		}
		return err
	}
	err := m.usage.within(ctx, m.namespace, add)
	if err == nil {
		m.taken += n
	}
	return err
}

// End implements registry.Meter.
func (m *meter) End(kept int64) {
	defer m.usage.hold(m.namespace, -m.taken)
	back := m.taken - kept
	switch {
	case back == 0:
	case !m.limited:
		m.usage.later(m.namespace, -back)
	default:
		if err := m.usage.accounts.quota.Free(context.Background(), m.namespace, back, 0); err != nil {
			m.usage.recountSoon(m.namespace)
		}
	}
}

// within tries do, and once more after the namespace was counted anew where it
// does not fit: so that nobody is refused for what is not stored any more.
func (u *usage) within(ctx context.Context, namespace string, do func() error) error {
	err := do()
	var full *auth.QuotaError
	if !errors.As(err, &full) || full.Namespace == "" {
		return err
	}
	u.mu.Lock()
	fresh := time.Since(u.counted[namespace]) < recountAtMost
	u.mu.Unlock()
	if fresh {
		return err
	}
	if recountErr := u.recount(ctx, namespace); recountErr != nil {
		u.log.ErrorContext(ctx, "quota: usage could not be counted anew", "namespace", namespace, "err", recountErr)
		return err
	}
	u.recountSoon(namespace) // without what came meanwhile
	return do()
}

func (u *usage) add(ctx context.Context, namespace string, n int64) error {
	room, err := u.accounts.quota.Reserve(ctx, namespace, n, 0)
	if err != nil {
		return err
	}
	return room.Commit(ctx, n, 0)
}

// hold remembers what uploads that run have taken and may not have written yet.
func (u *usage) hold(namespace string, n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.taken[namespace] += n; u.taken[namespace] == 0 {
		delete(u.taken, namespace)
	}
}

// later adds to a namespace that has no limit, without waiting for the database.
func (u *usage) later(namespace string, n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.unsaved[namespace] += n
}

// save writes down what was added later.
func (u *usage) save(ctx context.Context) error {
	u.mu.Lock()
	unsaved := u.unsaved
	u.unsaved = map[string]int64{}
	u.mu.Unlock()
	var errs []error
	for namespace, n := range unsaved {
		if _, err := u.accounts.store.AddUsage(ctx, namespace, n, 0, 0, 0); err != nil {
			errs = append(errs, fmt.Errorf("usage of %q: %w", namespace, err))
			u.later(namespace, n)
		}
	}
	return errors.Join(errs...)
}

// recount counts a namespace from what is stored. What is added meanwhile
// stays added, so that the sum is never too small; of replicas that count at
// once one corrects the sum.
func (u *usage) recount(ctx context.Context, namespace string) error {
	_, err, _ := u.counting.Do(namespace, func() (any, error) {
		ctx := context.WithoutCancel(ctx)
		if err := u.save(ctx); err != nil {
			return nil, err
		}
		correct, err := u.count(ctx, namespace)
		if err != nil {
			return nil, err
		}
		return nil, correct(ctx)
	})
	return err
}

// count counts what is stored; correct makes the sum of it.
func (u *usage) count(ctx context.Context, namespace string) (correct func(context.Context) error, err error) {
	before, running, versions, err := u.beginCount(ctx, namespace)
	if err != nil {
		return nil, err
	}
	held, err := u.registry.Usage(ctx, namespace)
	for _, v := range held.Versions {
		versions[v] = true
	}
	both := u.endCount(namespace, held.Versions)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		err := u.accounts.store.CorrectUsage(ctx, before, held.Bytes+held.Uploads+running, int64(len(versions)-both))
		if errors.Is(err, artifact.ErrConflict) { // another replica counted meanwhile: what it did not see yet is counted soon
			u.recountSoon(namespace)
			return nil
		}
		return err
	}, nil
}

// beginCount reads the sum, what uploads that run have taken, and the versions
// whose tags may not be seen yet, all of one moment.
func (u *usage) beginCount(ctx context.Context, namespace string) (before store.UsageCount, running int64, versions map[string]bool, err error) {
	u.commits.Lock()
	defer u.commits.Unlock()
	if before, err = u.accounts.store.BeginCount(ctx, namespace); err != nil {
		return before, 0, nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fresh[namespace] = map[string]bool{}
	versions = maps.Clone(u.pending[namespace])
	if versions == nil {
		versions = map[string]bool{}
	}
	return before, u.taken[namespace], versions, nil
}

// endCount says how many of what was found were counted meanwhile.
func (u *usage) endCount(namespace string, found []string) (both int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, v := range found {
		if u.fresh[namespace][v] {
			both++
		}
	}
	delete(u.fresh, namespace)
	u.counted[namespace] = time.Now()
	return both
}

// commit counts a version by do; settled is called when its tag is set.
func (u *usage) commit(namespace, version string, do func() error) (settled func(), err error) {
	u.commits.RLock()
	defer u.commits.RUnlock()
	if err := do(); err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending[namespace] == nil {
		u.pending[namespace] = map[string]bool{}
	}
	u.pending[namespace][version] = true
	if u.fresh[namespace] != nil {
		u.fresh[namespace][version] = true
	}
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if delete(u.pending[namespace], version); len(u.pending[namespace]) == 0 {
			delete(u.pending, namespace)
		}
	}, nil
}

// recountSoon counts a namespace anew in a while; "" is all of them.
func (u *usage) recountSoon(namespace string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.due[namespace] = true
}

// run keeps the sums until ctx ends.
func (u *usage) run(ctx context.Context) {
	u.recountSoon("") // what an earlier version counted otherwise
	last := time.Now()
	for wait(ctx, recountLooks) {
		if time.Since(last) > recountEvery {
			last = time.Now()
			u.recountSoon("")
		}
		if err := u.look(ctx); err != nil && ctx.Err() == nil {
			u.log.ErrorContext(ctx, "quota: usage is counted again later", "err", err)
		}
	}
	if err := u.save(context.WithoutCancel(ctx)); err != nil {
		u.log.Error("quota: usage is counted anew at the next start", "err", err)
	}
}

// look counts what is due.
func (u *usage) look(ctx context.Context) error {
	u.mu.Lock()
	due := u.due
	u.due = map[string]bool{}
	u.mu.Unlock()
	if due[""] {
		names, err := u.accounts.store.NamespaceNames(ctx)
		if err != nil {
			u.recountSoon("")
			return err
		}
		for _, name := range names {
			due[name] = true
		}
	}
	delete(due, "")
	errs := []error{u.save(ctx)}
	for namespace := range due {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.recount(ctx, namespace); err != nil {
			u.recountSoon(namespace)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

package quota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
)

const (
	// recountEvery is how often all namespaces are counted anew, for what no
	// event told.
	recountEvery = 6 * time.Hour
	// recountAtMost is how often a namespace at its limit is counted before a
	// push is refused.
	recountAtMost = 5 * time.Second
)

// A Counter keeps what namespaces hold equal to what is stored: bytes are added as
// they come, and the sum is counted anew from storage after deletes, after
// collections, now and then, and before a push is refused.
type Counter struct {
	store    Store
	quota    *Quota
	storage  Storage
	clock    clock.Clock
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
	all     time.Time                  // when all were due last
	pending map[string]map[string]bool // "<repository>:<version>" that are counted, whose tag may not be set yet, by namespace
	fresh   map[string]map[string]bool // those that were counted while their namespace is
}

// NewCounter makes a Counter over what q counts in store. All namespaces are
// due at first: an earlier version may have counted otherwise.
func NewCounter(q *Quota, storage Storage, c clock.Clock, log *slog.Logger) *Counter {
	return &Counter{store: q.store, quota: q, storage: storage, clock: c, log: log,
		taken: map[string]int64{}, unsaved: map[string]int64{}, counted: map[string]time.Time{}, due: map[string]bool{"": true}, all: c.Now(),
		pending: map[string]map[string]bool{}, fresh: map[string]map[string]bool{}}
}

// Reserve is Quota.Reserve; where there is no room, what is stored is counted
// before it says so.
func (u *Counter) Reserve(ctx context.Context, namespace string, bytes, versions int64) (room *Reservation, err error) {
	err = u.within(ctx, namespace, func() (err error) {
		room, err = u.quota.Reserve(ctx, namespace, bytes, versions)
		return err
	})
	return room, err
}

// within tries do, and once more after the namespace was counted anew where it
// does not fit: so that nobody is refused for what is not stored any more.
func (u *Counter) within(ctx context.Context, namespace string, do func() error) error {
	err := do()
	var full *Error
	if !errors.As(err, &full) || full.Namespace == "" {
		return err
	}
	u.mu.Lock()
	fresh := u.clock.Since(u.counted[namespace]) < recountAtMost
	u.mu.Unlock()
	if fresh {
		return err
	}
	if recountErr := u.Recount(ctx, namespace); recountErr != nil {
		u.log.ErrorContext(ctx, "quota: usage could not be counted anew", "namespace", namespace, "err", recountErr)
		return err
	}
	u.RecountSoon(namespace) // without what came meanwhile
	return do()
}

func (u *Counter) add(ctx context.Context, namespace string, n int64) error {
	room, err := u.quota.Reserve(ctx, namespace, n, 0)
	if err != nil {
		return err
	}
	return room.Commit(ctx, n, 0)
}

// hold remembers what uploads that run have taken and may not have written yet.
func (u *Counter) hold(namespace string, n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.taken[namespace] += n; u.taken[namespace] == 0 {
		delete(u.taken, namespace)
	}
}

// later adds to a namespace that has no limit, without waiting for the database.
func (u *Counter) later(namespace string, n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.unsaved[namespace] += n
}

// Save writes down what was added later.
func (u *Counter) Save(ctx context.Context) error {
	u.mu.Lock()
	unsaved := u.unsaved
	u.unsaved = map[string]int64{}
	u.mu.Unlock()
	var errs []error
	for namespace, n := range unsaved {
		if _, err := u.store.AddUsage(ctx, namespace, n, 0, 0, 0); err != nil {
			errs = append(errs, fmt.Errorf("usage of %q: %w", namespace, err))
			u.later(namespace, n)
		}
	}
	return errors.Join(errs...)
}

// Recount counts a namespace from what is stored. What is added meanwhile
// stays added, so that the sum is never too small; of replicas that count at
// once one corrects the sum.
func (u *Counter) Recount(ctx context.Context, namespace string) error {
	_, err, _ := u.counting.Do(namespace, func() (any, error) {
		ctx := context.WithoutCancel(ctx)
		if err := u.Save(ctx); err != nil {
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
func (u *Counter) count(ctx context.Context, namespace string) (correct func(context.Context) error, err error) {
	before, running, versions, err := u.beginCount(ctx, namespace)
	if err != nil {
		return nil, err
	}
	held, err := u.storage(ctx, namespace)
	for _, v := range held.Versions {
		versions[v] = true
	}
	both := u.endCount(namespace, held.Versions)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		err := u.store.CorrectUsage(ctx, before, held.Bytes+running, int64(len(versions)-both))
		if errors.Is(err, artifact.ErrConflict) { // another replica counted meanwhile: what it did not see yet is counted soon
			u.RecountSoon(namespace)
			return nil
		}
		return err
	}, nil
}

// beginCount reads the sum, what uploads that run have taken, and the versions
// whose tags may not be seen yet, all of one moment.
func (u *Counter) beginCount(ctx context.Context, namespace string) (before Count, running int64, versions map[string]bool, err error) {
	u.commits.Lock()
	defer u.commits.Unlock()
	if before, err = u.store.BeginCount(ctx, namespace); err != nil {
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
func (u *Counter) endCount(namespace string, found []string) (both int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, v := range found {
		if u.fresh[namespace][v] {
			both++
		}
	}
	delete(u.fresh, namespace)
	u.counted[namespace] = u.clock.Now()
	return both
}

// Commit counts a version by do; settled is called when its tag is set.
func (u *Counter) Commit(namespace, version string, do func() error) (settled func(), err error) {
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

// RecountSoon counts a namespace anew in a while; "" is all of them.
func (u *Counter) RecountSoon(namespace string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.due[namespace] = true
}

// LookEvery is how often Look wants to be called.
const LookEvery = 10 * time.Second

// Look counts anew what is due, and writes down what needs no limit.
func (u *Counter) Look(ctx context.Context) error {
	u.mu.Lock()
	if u.clock.Since(u.all) > recountEvery {
		u.all, u.due[""] = u.clock.Now(), true
	}
	due := u.due
	u.due = map[string]bool{}
	u.mu.Unlock()
	if due[""] {
		names, err := u.store.NamespaceNames(ctx)
		if err != nil {
			u.RecountSoon("")
			return err
		}
		for _, name := range names {
			due[name] = true
		}
	}
	delete(due, "")
	errs := []error{u.Save(ctx)}
	for namespace := range due {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.Recount(ctx, namespace); err != nil {
			u.RecountSoon(namespace)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

package quota

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// Quota keeps namespaces within their limits while many uploads run: an upload
// reserves before it writes, and commits what it really was, or releases.
// Reservations live in this process; what is committed is added in the store
// in one step against the limit, so replicas cannot pass it together.
type Quota struct {
	store  Store
	limits func(namespace string) Limits

	mu   sync.Mutex
	held map[string]*account
}

// New makes a Quota; limits gives those of a namespace.
func New(store Store, limits func(namespace string) Limits) *Quota {
	return &Quota{store: store, limits: limits, held: map[string]*account{}}
}

// Limits are those of a namespace.
func (q *Quota) Limits(namespace string) Limits { return q.limits(namespace) }

// Usage is what a namespace holds, without what is only reserved.
func (q *Quota) Usage(ctx context.Context, namespace string) (Used, error) {
	return q.store.Usage(ctx, namespace)
}

// A Reservation holds room for one upload. Commit or Release ends it; what
// comes after the first does nothing. A nil Reservation holds nothing.
type Reservation struct {
	quota           *Quota
	namespace       string
	account         *account
	bytes, versions int64
	once            sync.Once
}

// Reserve holds room for so many bytes and versions. What does not fit is a
// *Error; a store that does not answer is an error of no kind.
func (q *Quota) Reserve(ctx context.Context, namespace string, bytes, versions int64) (*Reservation, error) {
	if bytes < 0 || versions < 0 {
		return nil, fmt.Errorf("reservation of %d bytes and %d versions: expected none below zero: %w", bytes, versions, artifact.ErrInvalid)
	}
	acc := q.acquire(namespace)
	if err := q.reserve(ctx, namespace, acc, bytes, versions); err != nil {
		q.leave(namespace, acc)
		return nil, err
	}
	return &Reservation{quota: q, namespace: namespace, account: acc, bytes: bytes, versions: versions}, nil
}

// refusals is how often room is looked for while commits make it uncertain.
const refusals = 16

func (q *Quota) reserve(ctx context.Context, namespace string, acc *account, bytes, versions int64) error {
	select {
	case acc.turn <- struct{}{}:
		defer func() { <-acc.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := 1; ; i++ {
		held := acc.held() // first: what is committed after it is seen twice, never not at all
		used, err := q.store.Usage(ctx, namespace)
		if err != nil {
			return fmt.Errorf("quota of namespace %s: %w", namespace, err)
		}
		err = fits(q.limits(namespace), namespace, used.Bytes+held.bytes, bytes, used.Versions+held.versions, versions)
		if err == nil {
			acc.take(bytes, versions)
			return nil
		}
		if i == refusals || !acc.settled(ctx, held) {
			return err
		}
	}
}

func fits(l Limits, namespace string, haveBytes, bytes, haveVersions, versions int64) error {
	if l.Bytes > 0 && bytes > l.Bytes-haveBytes {
		return &Error{"bytes", namespace, l.Bytes, haveBytes, bytes}
	}
	if l.Versions > 0 && versions > l.Versions-haveVersions {
		return &Error{"versions", namespace, l.Versions, haveVersions, versions}
	}
	return nil
}

// Commit counts what was written, which may be less than was reserved, and
// frees the rest. When it does not fit after all, nothing is counted and what
// was written has to go: a *Error.
func (r *Reservation) Commit(ctx context.Context, bytes, versions int64) (err error) {
	if r == nil {
		return nil
	}
	r.once.Do(func() {
		defer r.quota.leave(r.namespace, r.account)
		r.account.begin()
		defer r.account.end(r.bytes, r.versions)
		err = r.quota.add(ctx, r.namespace, bytes, versions)
	})
	return err
}

// Release gives the room back.
func (r *Reservation) Release() {
	if r == nil {
		return
	}
	r.once.Do(func() {
		r.account.begin()
		r.account.end(r.bytes, r.versions)
		r.quota.leave(r.namespace, r.account)
	})
}

// Free counts down what was deleted.
func (q *Quota) Free(ctx context.Context, namespace string, bytes, versions int64) error {
	_, err := q.store.AddUsage(ctx, namespace, -bytes, -versions, 0, 0)
	return err
}

func (q *Quota) add(ctx context.Context, namespace string, bytes, versions int64) error {
	l := q.limits(namespace)
	_, err := q.store.AddUsage(ctx, namespace, bytes, versions, l.Bytes, l.Versions)
	if !errors.Is(err, artifact.ErrConflict) {
		return err
	}
	used, readErr := q.store.Usage(ctx, namespace)
	if readErr != nil {
		return readErr
	}
	if err := fits(l, namespace, used.Bytes, bytes, used.Versions, versions); err != nil {
		return err
	}
	return &Error{"bytes", namespace, l.Bytes, used.Bytes, bytes}
}

func (q *Quota) acquire(namespace string) *account {
	q.mu.Lock()
	defer q.mu.Unlock()
	acc := q.held[namespace]
	if acc == nil {
		acc = newAccount()
		q.held[namespace] = acc
	}
	acc.users++
	return acc
}

func (q *Quota) leave(namespace string, acc *account) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if acc.users--; acc.users == 0 {
		delete(q.held, namespace)
	}
}

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

// account is what one namespace has reserved.
type account struct {
	mu              sync.Mutex
	users           int // guarded by Quota.mu
	bytes, versions int64
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
	acc.mu.Lock()
	used, err := q.store.Usage(ctx, namespace)
	if err == nil {
		err = fits(q.limits(namespace), namespace, used.Bytes+acc.bytes, bytes, used.Versions+acc.versions, versions)
	} else {
		err = fmt.Errorf("quota of namespace %s: %w", namespace, err)
	}
	if err == nil {
		acc.bytes += bytes
		acc.versions += versions
	}
	acc.mu.Unlock()
	if err != nil {
		q.leave(namespace, acc)
		return nil, err
	}
	return &Reservation{quota: q, namespace: namespace, account: acc, bytes: bytes, versions: versions}, nil
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
		r.account.mu.Lock()
		defer r.quota.leave(r.namespace, r.account)
		defer r.account.mu.Unlock()
		err = r.quota.add(ctx, r.namespace, bytes, versions)
		r.account.bytes -= r.bytes
		r.account.versions -= r.versions
	})
	return err
}

// Release gives the room back.
func (r *Reservation) Release() {
	if r == nil {
		return
	}
	r.once.Do(func() {
		r.account.mu.Lock()
		r.account.bytes -= r.bytes
		r.account.versions -= r.versions
		r.account.mu.Unlock()
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
		acc = &account{}
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

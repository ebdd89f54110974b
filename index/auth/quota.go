package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// Limits are what a namespace may hold and what one artifact may be. Zero does
// not limit.
type Limits struct {
	Bytes         int64 // all that the namespace holds
	Versions      int64
	ArtifactBytes int64 // one version with its layers
	ManifestBytes int64
	Layers        int
}

// A QuotaError names the limit that was met. It wraps artifact.ErrDenied.
type QuotaError struct {
	Limit     string
	Namespace string
	// Max is the limit, Have what is used or reserved, Want what was asked for.
	Max, Have, Want int64
}

func (e *QuotaError) Error() string {
	if e.Namespace == "" {
		return fmt.Sprintf("limit %q: %d, expected at most %d", e.Limit, e.Want, e.Max)
	}
	return fmt.Sprintf("quota %q of namespace %s: %d used, %d asked for, at most %d; see oarlock publisher usage %s, and ask the operator of this registry for more", e.Limit, e.Namespace, e.Have, e.Want, e.Max, e.Namespace)
}

// Unwrap makes errors.Is(err, artifact.ErrDenied) hold.
func (e *QuotaError) Unwrap() error { return artifact.ErrDenied }

// CheckArtifact holds one artifact to the limits; what is not known yet is 0.
func (l Limits) CheckArtifact(artifactBytes, manifestBytes int64, layers int) error {
	for _, c := range []struct {
		limit     string
		max, want int64
	}{
		{"artifact bytes", l.ArtifactBytes, artifactBytes},
		{"manifest bytes", l.ManifestBytes, manifestBytes},
		{"layers", int64(l.Layers), int64(layers)},
	} {
		if c.max > 0 && c.want > c.max {
			return &QuotaError{Limit: c.limit, Max: c.max, Want: c.want}
		}
	}
	return nil
}

// Quota keeps namespaces within their limits while many uploads run: an upload
// reserves before it writes, and commits what it really was, or releases.
// Reservations live in this process; what is committed is added in the store
// in one step against the limit, so replicas cannot pass it together.
type Quota struct {
	store  Usage
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

// NewQuota makes a Quota; limits gives those of a namespace.
func NewQuota(store Usage, limits func(namespace string) Limits) *Quota {
	return &Quota{store: store, limits: limits, held: map[string]*account{}}
}

// Limits are those of a namespace.
func (q *Quota) Limits(namespace string) Limits { return q.limits(namespace) }

// Usage is what a namespace holds, without what is only reserved.
func (q *Quota) Usage(ctx context.Context, namespace string) (UsageRecord, error) {
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
// *QuotaError; a store that does not answer is an error of no kind.
func (q *Quota) Reserve(ctx context.Context, namespace string, bytes, versions int64) (*Reservation, error) {
	if bytes < 0 || versions < 0 {
		return nil, invalid("reservation of %d bytes and %d versions: expected none below zero", bytes, versions)
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
		return &QuotaError{"bytes", namespace, l.Bytes, haveBytes, bytes}
	}
	if l.Versions > 0 && versions > l.Versions-haveVersions {
		return &QuotaError{"versions", namespace, l.Versions, haveVersions, versions}
	}
	return nil
}

// Commit counts what was written, which may be less than was reserved, and
// frees the rest. When it does not fit after all, nothing is counted and what
// was written has to go: a *QuotaError.
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
	return &QuotaError{"bytes", namespace, l.Bytes, used.Bytes, bytes}
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

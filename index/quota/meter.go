package quota

import (
	"context"
	"time"
)

// Upload begins to count one request that may bring bytes to a namespace.
func (u *Counter) Upload(namespace string) *Meter {
	return &Meter{counter: u, namespace: namespace, limited: u.quota.Limits(namespace).Bytes > 0}
}

// A Meter counts the bytes that one request of an upload brings.
type Meter struct {
	counter   *Counter
	namespace string
	limited   bool
	taken     int64
}

// Take asks for room for n more bytes, before they are stored.
func (m *Meter) Take(ctx context.Context, n int64) error {
	add := func() error {
		m.counter.hold(m.namespace, n) // first: a count between the two finds too much, never too little
		if !m.limited {
			m.counter.later(m.namespace, n)
			return nil
		}
		err := m.counter.add(ctx, m.namespace, n)
		if err != nil {
			m.counter.hold(m.namespace, -n)
		}
		return err
	}
	err := m.counter.within(ctx, m.namespace, add)
	if err == nil {
		m.taken += n
	}
	return err
}

// End says how many of them were kept, and is called once.
func (m *Meter) End(kept int64) {
	defer m.counter.hold(m.namespace, -m.taken)
	back := m.taken - kept
	switch {
	case back == 0:
	case !m.limited:
		m.counter.later(m.namespace, -back)
	default:
		// The one who pushed may be gone, and a database that is silent holds nobody.
		ctx, cancel := context.WithTimeout(context.Background(), freeWithin)
		defer cancel()
		if err := m.counter.quota.Free(ctx, m.namespace, back, 0); err != nil {
			m.counter.RecountSoon(m.namespace)
		}
	}
}

// freeWithin bounds what giving room back waits for the database; the namespace
// is counted anew where it takes longer.
const freeWithin = 5 * time.Second

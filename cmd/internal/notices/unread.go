package notices

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/notify"
)

const (
	// unreadEvery is how often it is looked for events that could not be read, and stuckAfter
	// how long one waits before readiness says so: most can be read a moment later.
	unreadEvery = time.Minute
	stuckAfter  = 10 * time.Minute
)

// unread is what could not be read when it was looked for last.
type unread struct {
	events prometheus.Gauge
	waits  atomic.Pointer[jobs.Backlog]
}

func newUnread() unread {
	return unread{events: prometheus.NewGauge(prometheus.GaugeOpts{Name: "oarlock_events_unread",
		Help: "Events that could not be told, which are tried again by themselves; the log names each."})}
}

func (n *Notices) lookUnread(ctx context.Context) error {
	b, err := n.store.Backlog(ctx, notify.UnreadJobs, "")
	if err != nil {
		return err
	}
	n.unread.events.Set(float64(b.Jobs))
	n.unread.waits.Store(&b)
	return nil
}

// Stuck says which events cannot be told, "" where all can.
func (n *Notices) Stuck() string {
	b := n.unread.waits.Load()
	if b == nil || b.Jobs == 0 || n.clock.Since(b.Oldest) < stuckAfter {
		return ""
	}
	return fmt.Sprintf("events that nobody is told of: %d, the first since %s: %s", b.Jobs, b.Oldest.UTC().Format(time.RFC3339), b.LastError)
}

// Describe implements prometheus.Collector.
func (n *Notices) Describe(out chan<- *prometheus.Desc) {
	n.Engine.Describe(out)
	n.unread.events.Describe(out)
}

// Collect implements prometheus.Collector.
func (n *Notices) Collect(out chan<- prometheus.Metric) {
	n.Engine.Collect(out)
	n.unread.events.Collect(out)
}

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/store"
)

const (
	// lookEvery is how often the database's schema and clock are looked at, and
	// lookWithin bounds one look.
	lookEvery, lookWithin = 10 * time.Second, 2 * time.Second
	// clockApart is from what difference to the database's clock on an operator
	// is told. At a minute between two replicas access tokens are refused.
	clockApart = 10 * time.Second
)

// looked is what a database says of itself.
type looked interface {
	Newer(ctx context.Context) error
	ClockOffset(ctx context.Context, now func() time.Time) (time.Duration, error)
}

// A databaseWatch looks while the server runs at what others may change in the
// database: a newer release brings its schema up, and its clock, by which all
// replicas can be compared, goes away from this machine's.
type databaseWatch struct {
	store looked
	clock clock.Clock
	log   *slog.Logger

	looking sync.Mutex // by one at a time, so that the later answer counts

	mu     sync.Mutex
	newer  error // wraps store.ErrNewer, or nil
	offset time.Duration
}

func newDatabaseWatch(s looked, at clock.Clock, log *slog.Logger, metrics prometheus.Registerer) *databaseWatch {
	w := &databaseWatch{store: s, clock: at, log: log}
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "oarlock_clock_offset_seconds", Help: "How far this machine's clock is ahead of the database's; negative where it is behind.",
		}, func() float64 { offset, _ := w.found(); return offset.Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "oarlock_database_newer", Help: "1 while the database has the schema of a newer release: reads are served, writes are refused.",
		}, func() float64 {
			if _, newer := w.found(); newer != nil {
				return 1
			}
			return 0
		}))
	return w
}

// found is how far this machine's clock is ahead, and why the database is not to
// be written.
func (w *databaseWatch) found() (offset time.Duration, newer error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offset, w.newer
}

// look asks once. Where the database does not tell, what it said last stays:
// that it is silent is noticed and told elsewhere.
func (w *databaseWatch) look(ctx context.Context) error {
	w.looking.Lock()
	defer w.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	newer := w.store.Newer(ctx)
	offset, untold := w.store.ClockOffset(ctx, w.clock.Now)
	was, wasNewer := w.found()
	if untold != nil {
		offset = was
	}
	if newer != nil && !errors.Is(newer, store.ErrNewer) {
		untold, newer = errors.Join(newer, untold), wasNewer
	}
	w.mu.Lock()
	w.newer, w.offset = newer, offset
	w.mu.Unlock()
	w.tell(ctx, wasNewer, newer, was, offset)
	return untold
}

// tell writes into the log what has changed since the last look.
func (w *databaseWatch) tell(ctx context.Context, wasNewer, newer error, was, offset time.Duration) {
	switch {
	case newer != nil && wasNewer == nil:
		w.log.ErrorContext(ctx, "db: a newer release changed the database: reads go on, writes are refused until this server runs that release", "alert", true, "err", newer)
	case newer == nil && wasNewer != nil:
		w.log.InfoContext(ctx, "db: the schema is one that this release knows again: writes are taken")
	}
	switch far, wasFar := offset.Abs() > clockApart, was.Abs() > clockApart; {
	case far && !wasFar:
		w.log.ErrorContext(ctx, "clock: this machine's and the database's are apart: set both by NTP", "alert", true, "ahead", offset.Round(time.Millisecond))
	case !far && wasFar:
		w.log.InfoContext(ctx, "clock: this machine's and the database's agree again", "ahead", offset.Round(time.Millisecond))
	}
}

// degraded says what does not work as it should, or "".
func (w *databaseWatch) degraded() string {
	offset, newer := w.found()
	var all []string
	if newer != nil {
		all = append(all, fmt.Sprintf("the database has the schema of a newer release (%s): reads go on, writes are refused", newer))
	}
	if offset.Abs() > clockApart {
		way := "ahead of"
		if offset < 0 {
			way = "behind"
		}
		all = append(all, fmt.Sprintf("this machine's clock is %s %s the database's: set both by NTP", offset.Abs().Round(time.Second), way))
	}
	return strings.Join(all, "; ")
}

// newerGuard keeps what this server writes from a database that this release would
// break, as the watch has found it.
type newerGuard struct{ watch *databaseWatch }

// heed has tasks that write do nothing while the database is one that this release
// would break: the registry beside it may be a newer release's too.
func (g newerGuard) heed(tasks []periodic.Task) []periodic.Task {
	for i := range tasks {
		run := tasks[i].Run
		tasks[i].Run = func(ctx context.Context) error {
			if _, newer := g.watch.found(); newer != nil {
				return nil // it was said
			}
			return run(ctx)
		}
	}
	return tasks
}

// keepLogins is keep for logins through a provider, which write accounts by GET.
// Tokens are exchanged all the same, so that reads go on; one that has to be kept
// is refused by the store.
func (g newerGuard) keepLogins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if _, newer := g.watch.found(); newer != nil && r.URL.Path != "/auth/token" && r.URL.Path != "/auth/keys" {
			refuseNewer(out, r)
			return
		}
		next.ServeHTTP(out, r)
	})
}

func refuseNewer(out http.ResponseWriter, r *http.Request) {
	const detail = "a newer release changed the database of this site, and this server would break it: it serves reads and takes no writes"
	const fix = "try again, it may reach a server of that release; the operator updates this one"
	out.Header().Set("Retry-After", seconds(lookEvery))
	writeRefusal(out, r, index.NewProblem(index.CodeUnavailable, detail, fix), "UNAVAILABLE", detail+": "+fix)
}

// keep refuses writes while the database is one that this release would break.
func (g newerGuard) keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if _, newer := g.watch.found(); newer != nil && !matches(questions, r) {
			refuseNewer(out, r)
			return
		}
		next.ServeHTTP(out, r)
	})
}

// scrapeWithin bounds what a scrape of the metrics asks the database.
const scrapeWithin = time.Second

// silence says what does not work while reads are served, or "".
func silence(a *auth.Authority) string {
	since, serves := a.Silent()
	if since.IsZero() || !serves {
		return ""
	}
	return fmt.Sprintf("the database does not answer since %s: nothing is taken, and reads without a login go on for %s", since.UTC().Format(time.RFC3339), auth.KnownFor)
}

func registerSilence(a *auth.Authority, at clock.Clock, metrics prometheus.Registerer) {
	metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "oarlock_database_silent_seconds", Help: "For how long the database does not answer; 0 while it does.",
	}, func() float64 {
		since, _ := a.Silent()
		if since.IsZero() {
			return 0
		}
		return at.Since(since).Seconds()
	}))
}

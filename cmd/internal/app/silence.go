package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/index/auth"
)

const (
	// learnEvery is how often the namespaces are read where nobody asks, so that
	// they are known when the database falls silent, and that it has is known.
	learnEvery = 10 * time.Second
	// scrapeWithin bounds what a scrape of the metrics asks the database.
	scrapeWithin = time.Second
)

// learn reads the namespaces now and then until ctx ends. The authority says
// in the log when the database does not answer.
func (a *accounts) learn(ctx context.Context) {
	for wait(ctx, learnEvery) {
		_ = a.Learn(ctx)
	}
}

// degraded says what does not work while reads are served, or "".
func (a *accounts) degraded() string {
	since, serves := a.Silent()
	if since.IsZero() || !serves {
		return ""
	}
	return fmt.Sprintf("the database does not answer since %s: nothing is taken, and reads without a login go on for %s", since.UTC().Format(time.RFC3339), auth.KnownFor)
}

func (a *accounts) registerSilence(metrics prometheus.Registerer) {
	metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "oarlock_database_silent_seconds", Help: "For how long the database does not answer; 0 while it does.",
	}, func() float64 {
		since, _ := a.Silent()
		if since.IsZero() {
			return 0
		}
		return time.Since(since).Seconds()
	}))
}

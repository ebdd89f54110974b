package app

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/index/auth"
)

// scrapeWithin bounds what a scrape of the metrics asks the database.
const scrapeWithin = time.Second

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
		return a.clock.Since(since).Seconds()
	}))
}

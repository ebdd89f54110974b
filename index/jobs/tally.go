package jobs

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// How an attempt ended, as metrics say it.
const (
	outcomeDone    = "done"
	outcomeFailed  = "failed"
	outcomeGivenUp = "given_up"
	outcomeCut     = "cut"
)

// tally counts how attempts ended.
type tally struct {
	attempts     *prometheus.CounterVec
	took, waited *prometheus.HistogramVec
}

func newTally() tally {
	// From what a person does not notice to the longest wait of a letter.
	buckets := []float64{0.05, 0.25, 1, 5, 30, 300, 1800, 3600, 86400}
	return tally{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oarlock_job_attempts_total", Help: "Attempts of jobs by how they ended: done, failed, given_up, cut (the server stopped).",
		}, []string{"kind", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oarlock_job_attempt_seconds", Help: "How long attempts of jobs took.", Buckets: buckets,
		}, []string{"kind"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oarlock_job_done_after_seconds", Help: "From the change that asked for a job to the end of the attempt that did it.", Buckets: buckets,
		}, []string{"kind"}),
	}
}

func (t tally) add(kind, outcome string, took, waited time.Duration) {
	t.attempts.WithLabelValues(kind, outcome).Inc()
	t.took.WithLabelValues(kind).Observe(took.Seconds())
	if outcome == outcomeDone {
		t.waited.WithLabelValues(kind).Observe(waited.Seconds())
	}
}

// Describe implements prometheus.Collector.
func (r *Runner) Describe(out chan<- *prometheus.Desc) {
	r.tally.attempts.Describe(out)
	r.tally.took.Describe(out)
	r.tally.waited.Describe(out)
}

// Collect implements prometheus.Collector.
func (r *Runner) Collect(out chan<- prometheus.Metric) {
	r.tally.attempts.Collect(out)
	r.tally.took.Collect(out)
	r.tally.waited.Collect(out)
}

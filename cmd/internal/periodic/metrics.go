package periodic

import "github.com/prometheus/client_golang/prometheus"

var (
	runsDesc = prometheus.NewDesc("oarlock_background_runs_total",
		"Runs of background tasks that ended.", []string{"task"}, nil)
	failuresDesc = prometheus.NewDesc("oarlock_background_failures_total",
		"Runs of background tasks that ended with an error.", []string{"task"}, nil)
	endedDesc = prometheus.NewDesc("oarlock_background_last_ended_timestamp_seconds",
		"When the last run of a background task ended.", []string{"task"}, nil)
)

// Describe implements prometheus.Collector.
func (r *Runner) Describe(out chan<- *prometheus.Desc) {
	out <- runsDesc
	out <- failuresDesc
	out <- endedDesc
}

// Collect implements prometheus.Collector. A task that never ran has no time.
func (r *Runner) Collect(out chan<- prometheus.Metric) {
	for _, s := range r.Status() {
		out <- prometheus.MustNewConstMetric(runsDesc, prometheus.CounterValue, float64(s.Runs), s.Name)
		out <- prometheus.MustNewConstMetric(failuresDesc, prometheus.CounterValue, float64(s.Failures), s.Name)
		if !s.Ended.IsZero() {
			out <- prometheus.MustNewConstMetric(endedDesc, prometheus.GaugeValue, float64(s.Ended.UnixNano())/1e9, s.Name)
		}
	}
}

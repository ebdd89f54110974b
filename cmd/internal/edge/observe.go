package edge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/index"
)

// An Observer gives requests ids, counts and times them, logs them, and turns
// a panic into an answer.
type Observer struct {
	log      *slog.Logger
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	bytes    *prometheus.CounterVec
	refusals *prometheus.CounterVec
	codes    codes
	o        ObserverOptions
}

// ObserverOptions say who is told, and who answers for an Observer.
type ObserverOptions struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Within puts what is known of a request into its context, for those behind.
	// nil adds nothing.
	Within func(r *http.Request, id string, log *slog.Logger) context.Context
	// Panicked answers a request whose handler panicked before it answered. nil
	// answers 500 and nothing else.
	Panicked func(w http.ResponseWriter, id string)
	// Large is told of the length of each answer that says it, before its first
	// byte; what it gives is called after the last. It may give the reader a
	// deadline. nil gives none.
	Large func(w http.ResponseWriter, length int64) (done func())
	// Answered is told of each answer of a part that has routes; nil is not.
	Answered func(r *http.Request, route string, status int)
}

// NewObserver registers its metrics.
func NewObserver(with ObserverOptions) *Observer {
	o := &Observer{
		log: with.Log, o: with,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oarlock_http_requests_total", Help: "Requests answered, by part, method and status."}, []string{"part", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oarlock_http_request_seconds", Help: "Time from the headers of a request to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30}}, []string{"part", "route"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "oarlock_http_requests_in_flight", Help: "Requests being answered."}, []string{"part"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oarlock_http_bytes_total", Help: "Bytes of bodies, in from clients and out to them."}, []string{"part", "route", "direction"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oarlock_http_refusals_total", Help: "Requests that were refused or failed, by the code of the answer."}, []string{"part", "code"}),
	}
	with.Metrics.MustRegister(o.requests, o.seconds, o.inFlight, o.bytes, o.refusals)
	return o
}

// Wrap observes next as one part of the server, and logs its writes at the
// given level.
func (o *Observer) Wrap(part string, writes slog.Level, next http.Handler) http.Handler {
	return o.WrapRoutes(part, map[string]slog.Level{"": writes}, func(*http.Request) string { return "" }, next)
}

// WrapRoutes is Wrap for a part whose requests are told apart: routeOf gives a
// key of writes, which has the level at which each route's writes are logged.
func (o *Observer) WrapRoutes(part string, writes map[string]slog.Level, routeOf func(*http.Request) string, next http.Handler) http.Handler {
	inFlight, meters := o.inFlight.WithLabelValues(part), map[string]meter{}
	for route := range writes {
		meters[route] = meter{o.seconds.WithLabelValues(part, route), o.bytes.WithLabelValues(part, route, "in"), o.bytes.WithLabelValues(part, route, "out")}
	}
	pause, resume := inFlight.Dec, func(context.Context) { inFlight.Inc() } // made once, not for each request
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		id := r.Header.Get(index.RequestIDHeader)
		if !plainID(id) {
			id = rand.Text()[:16]
		}
		w.Header().Set(index.RequestIDHeader, id)
		ow := &observed{ResponseWriter: w, large: o.o.Large}
		route := routeOf(r)
		meter := meters[route]
		// The server's own request keeps its body: net/http looks at it to tell
		// whether a client still waits to be asked for the body.
		ctx := r.Context()
		if o.o.Within != nil {
			ctx = o.o.Within(r, id, o.log)
		}
		asked := r.WithContext(ctx)
		var body *countedBody
		if r.Body != nil && r.Body != http.NoBody {
			body = &countedBody{ReadCloser: r.Body}
			asked.Body = body
		}
		inFlight.Inc()
		holds(r.Context(), pause, resume)
		defer func() {
			took := time.Since(begin)
			inFlight.Dec()
			if ow.done != nil {
				ow.done()
			}
			if v := recover(); v != nil {
				o.panicked(ow, r, id, v)
			}
			meter.seconds.Observe(took.Seconds())
			meter.out.Add(float64(ow.bytes))
			if body != nil {
				meter.in.Add(float64(body.bytes.Load()))
			}
			o.requests.WithLabelValues(part, method(r.Method), strconv.Itoa(ow.code())).Inc()
			if route != "" && o.o.Answered != nil {
				o.o.Answered(r, route, ow.code())
			}
			if ow.code() >= http.StatusBadRequest {
				ow.refusal = o.codes.known(ow.refusal)
				o.refusals.WithLabelValues(part, ow.refusal).Inc()
			}
			o.line(r, ow, part, writes[route], id, took)
		}()
		next.ServeHTTP(ow, asked)
	})
}

func (o *Observer) panicked(w *observed, r *http.Request, id string, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	o.log.ErrorContext(r.Context(), "panic", "request", id, "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if w.status == 0 {
		if o.o.Panicked == nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		o.o.Panicked(w, id)
	}
}

// line logs one request: reads at debug, own faults at warn, and at info at
// least what is refused to somebody who asked for it.
func (o *Observer) line(r *http.Request, w *observed, part string, level slog.Level, id string, took time.Duration) {
	switch {
	case w.code() >= 500:
		level = slog.LevelWarn
	case w.code() == http.StatusForbidden || w.code() == http.StatusConflict || w.code() == http.StatusTooManyRequests || w.code() == http.StatusRequestEntityTooLarge:
		level = max(level, slog.LevelInfo)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		level = slog.LevelDebug
	}
	if !o.log.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 9)
	if w.refusal != "" {
		attrs = append(attrs, slog.String("code", w.refusal))
	}
	o.log.LogAttrs(r.Context(), level, "request", append(attrs, slog.String("part", part), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", w.code()), slog.Int64("bytes", w.bytes), slog.Duration("took", took), slog.String("request", id), slog.String("from", r.RemoteAddr))...)
}

// plainID accepts a request id from outside only where it cannot confuse a log.
func plainID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// method keeps the label's values few, whatever a client sends.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// observed remembers what was answered, and keeps the kernel's copy path and
// flushing open.
type observed struct {
	http.ResponseWriter
	status int
	bytes  int64
	large  func(http.ResponseWriter, int64) func()
	done   func()

	refusal string // code in the body of a refusal
}

func (w *observed) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// begin is called once, before anything is sent.
func (w *observed) begin(status int) {
	w.status = status
	if w.large == nil {
		return
	}
	if length := w.Header()["Content-Length"]; len(length) == 1 && len(length[0]) > 5 {
		if n, err := strconv.ParseInt(length[0], 10, 64); err == nil {
			w.done = w.large(w.ResponseWriter, n)
		}
	}
}

func (w *observed) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *observed) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	if w.status >= http.StatusBadRequest && w.bytes == 0 {
		w.refusal = codeIn(b)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets a file go to the socket without passing through here.
func (w *observed) ReadFrom(r io.Reader) (int64, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}

// Flush sends what is buffered.
func (w *observed) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap is for http.ResponseController.
func (w *observed) Unwrap() http.ResponseWriter { return w.ResponseWriter }

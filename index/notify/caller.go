package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/seal"
)

const (
	// CallTimeout bounds one call with its answer.
	CallTimeout = 15 * time.Second
	// slowAfter is how long an endpoint may take without being counted among
	// the slow ones, and slowFor for how long it then is.
	slowAfter = 3 * time.Second
	slowFor   = time.Hour
	// longestRetryAfter bounds how long an endpoint may ask to be left alone.
	longestRetryAfter = 24 * time.Hour
	slowLane          = "webhook-slow"
)

// CallerOptions are what a Caller needs; all must be given.
type CallerOptions struct {
	Webhooks WebhookStore
	Health   HealthStore
	Queue    jobs.Queue
	Sealer   *seal.Box
	// Client is guarded: it goes where endpoints may be, follows no redirect, and
	// bounds an answer by CallTimeout.
	Client *http.Client
	Clock  clock.Clock
	// Agent is the User-Agent.
	Agent string
}

// A Caller is the Channel that calls webhooks. Those that answer late wait in a
// lane of their own, so that they take no workers from the others.
type Caller struct{ o CallerOptions }

// NewCaller makes a Caller.
func NewCaller(o CallerOptions) *Caller { return &Caller{o} }

var _ Channel = (*Caller)(nil)

// Name implements Channel.
func (c *Caller) Name() string { return WebhookChannel }

// Accept implements Channel: one is told at webhooks of one's own.
func (c *Caller) Accept(ctx context.Context, owner, receiver string) (string, error) {
	w, err := webhookOf(ctx, c.o.Webhooks, owner, receiver)
	return w.ID, err
}

// callLease is how long one delivery may take.
const callLease = 4 * CallTimeout

// Lanes implements Channel.
func (c *Caller) Lanes() []Lane {
	return []Lane{{WebhookChannel, 64, callLease}, {slowLane, 16, callLease}}
}

// Lane implements Channel.
func (c *Caller) Lane(ctx context.Context, receiver string) (string, error) {
	w, err := c.o.Webhooks.Webhook(ctx, receiver)
	if err == nil && c.o.Clock.Now().Before(w.SlowUntil) {
		return slowLane, nil
	}
	return WebhookChannel, err
}

// Deliver implements Channel.
func (c *Caller) Deliver(ctx context.Context, m Message) (Answer, error) {
	held := Answer{Held: true}
	w, err := c.o.Webhooks.Webhook(ctx, m.Subscription.Receiver)
	if errors.Is(err, artifact.ErrNotFound) {
		return Answer{}, ErrGone
	}
	if err != nil {
		return held, err
	}
	now := c.o.Clock.Now()
	switch {
	case !w.GoneAt.IsZero():
		return Answer{}, fmt.Errorf("it answered 410 at %s: %w", w.GoneAt.Format(time.RFC3339), ErrGone)
	case now.Before(w.SlowUntil) && m.Lane != slowLane:
		return held, c.move(ctx, m, slowLane)
	case !now.Before(w.SlowUntil) && m.Lane == slowLane:
		return held, c.move(ctx, m, WebhookChannel)
	case m.Lane != slowLane && now.Before(w.SlowUntil.Add(callLease)):
		// The last call of the slow lane may run still: one at a time.
		return held, &jobs.Later{At: w.SlowUntil.Add(callLease), Err: errPaused}
	case now.Before(w.PausedUntil):
		return held, &jobs.Later{At: w.PausedUntil, Err: errPaused}
	}
	answer, after, err := c.call(ctx, w, m.Event.ID, m.Body)
	if ctx.Err() != nil {
		return answer, err // cut, and no fault of the endpoint
	}
	h := healthAfter(w.Health, c.o.Clock.Now(), answer, after, err)
	if kept := c.o.Health.ChangeHealth(ctx, w.ID, h); kept != nil && !errors.Is(kept, artifact.ErrNotFound) {
		return answer, errors.Join(err, kept)
	}
	if err != nil && !errors.Is(err, ErrGone) {
		err = &jobs.Later{At: h.PausedUntil, Err: err}
	}
	return answer, err
}

// move has a delivery wait in another lane: at any time an endpoint is called by one
// of the two alone.
func (c *Caller) move(ctx context.Context, m Message, lane string) error {
	return c.o.Queue.Enqueue(ctx, jobs.Job{Kind: lane, Key: m.Subscription.Receiver, Payload: []byte(m.Delivery), AskedAt: c.o.Clock.Now()})
}

var errPaused = errors.New("the endpoint failed and is left alone for a while")

// healthAfter is that of an endpoint after a call; after is how long it asked to
// be left alone.
func healthAfter(h Health, now time.Time, answer Answer, after time.Duration, err error) Health {
	if answer.Took >= slowAfter {
		h.SlowUntil = now.Add(slowFor)
	}
	if err == nil {
		return Health{SlowUntil: h.SlowUntil}
	}
	if errors.Is(err, ErrGone) {
		h.GoneAt = now
	}
	if h.Failures == 0 {
		h.FailingSince = now
	}
	h.Failures++
	h.PausedUntil = now.Add(max(pause(h.Failures), after))
	return h
}

// call posts a body once. after is how long the endpoint asks to be left alone.
func (c *Caller) call(ctx context.Context, w Webhook, id string, body []byte) (a Answer, after time.Duration, err error) {
	secrets, err := c.secrets(w)
	if err != nil {
		return a, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, CallTimeout, fmt.Errorf("no answer within %s", CallTimeout))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return a, 0, err
	}
	r.Header.Set("Content-Type", CloudEventsType)
	r.Header.Set("User-Agent", c.o.Agent)
	Sign(r.Header, id, c.o.Clock.Now(), body, secrets...)
	// A connection that was kept may be closed by the time it is used again, which is no
	// failure of the endpoint: net/http then takes another one, where a request may come
	// twice. It may, since its id is the same. The header itself is not sent.
	r.Header["Idempotency-Key"] = nil
	began := time.Now()
	resp, err := c.o.Client.Do(r)
	a.Took = time.Since(began)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return a, 0, cause
		}
		return a, 0, failure(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, AnswerBytes)) // what came until then is kept
	a.Status, a.Text, a.Took = resp.StatusCode, first(string(text), AnswerBytes), time.Since(began)
	switch {
	case a.Status >= 200 && a.Status < 300:
		return a, 0, nil
	case a.Status == http.StatusGone:
		return a, 0, fmt.Errorf("it answered 410: %w", ErrGone)
	case a.Status >= 300 && a.Status < 400:
		return a, 0, fmt.Errorf("it answered %d: redirects are not followed; give the URL that it leads to", a.Status)
	}
	return a, retryAfter(resp.Header, c.o.Clock.Now()), fmt.Errorf("it answered %d", a.Status)
}

func (c *Caller) secrets(w Webhook) ([][]byte, error) {
	secret, err := c.o.Sealer.Open(w.ID, w.Secret)
	if err != nil {
		return nil, err
	}
	if len(w.OldSecret) == 0 || !c.o.Clock.Now().Before(w.OldUntil) {
		return [][]byte{secret}, nil
	}
	old, err := c.o.Sealer.Open(w.ID, w.OldSecret)
	if err != nil { // another key of the site sealed it, which is why there is a new one
		return [][]byte{secret}, nil
	}
	return [][]byte{secret, old}, nil
}

// retryAfter reads the header of that name: seconds, or a time (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	var d time.Duration
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), longestRetryAfter)
}

// Test calls an endpoint now, whatever it answered before. Where it answers
// well it counts as healthy again.
func (c *Caller) Test(ctx context.Context, w Webhook, id string, body []byte) (Answer, error) {
	answer, _, err := c.call(ctx, w, id, body)
	if err != nil {
		return answer, err
	}
	return answer, c.o.Health.ChangeHealth(ctx, w.ID, healthAfter(w.Health, c.o.Clock.Now(), answer, 0, nil))
}

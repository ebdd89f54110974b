package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/notify"
)

// Options of a Mailer; all must be given.
type Options struct {
	Server    Server
	Mailboxes *notify.Mailboxes
	Links     notify.Links
	// Site is the host by which people know the site.
	Site  string
	Clock clock.Clock
	Log   *slog.Logger
}

// A Mailer is the notify.Channel that sends letters.
type Mailer struct {
	o      Options
	health health
}

// NewMailer makes a Mailer. The error is that of Server.Check.
func NewMailer(o Options) (*Mailer, error) {
	if err := o.Server.Check(); err != nil {
		return nil, err
	}
	return &Mailer{o: o}, nil
}

var _ notify.Channel = (*Mailer)(nil)

// Name implements notify.Channel.
func (m *Mailer) Name() string { return notify.EmailChannel }

// Accept implements notify.Channel: an address has to be confirmed.
func (m *Mailer) Accept(ctx context.Context, owner, receiver string) (string, error) {
	return m.o.Mailboxes.Accept(ctx, owner, receiver)
}

const (
	workers = 16
	lease   = 3 * sendTimeout
)

// Lanes implements notify.Channel.
func (m *Mailer) Lanes() []notify.Lane {
	return []notify.Lane{{Name: notify.EmailChannel, Workers: workers, Lease: lease}}
}

// Lane implements notify.Channel.
func (m *Mailer) Lane(context.Context, string) (string, error) { return notify.EmailChannel, nil }

// Kind are the jobs that ask the readers of addresses to confirm them.
func (m *Mailer) Kind() jobs.Kind {
	return jobs.Kind{
		Name: notify.ConfirmJobs, Do: m.confirm, Workers: 2, Lease: lease, Asked: m.o.Mailboxes.Asked(),
		First: notify.FirstPause, Longest: notify.LongestPause, For: 24 * time.Hour,
		GiveUp: func(ctx context.Context, a jobs.Attempt, why error) error {
			m.o.Log.WarnContext(ctx, "mail: nobody was asked to confirm an address", "job", a.ID, "err", why)
			return nil
		},
	}
}

// Deliver implements notify.Channel.
func (m *Mailer) Deliver(ctx context.Context, told notify.Message) (notify.Answer, error) {
	s := told.Subscription
	may, err := m.o.Mailboxes.MayTell(ctx, s.Owner, s.Receiver)
	if err != nil {
		return notify.Answer{Held: true}, err
	}
	if !may {
		return notify.Answer{}, fmt.Errorf("the address is not confirmed, or is suspended: %w", notify.ErrGone)
	}
	letter, err := m.letter(told)
	if err != nil {
		return notify.Answer{}, fmt.Errorf("letter: %w (%w)", err, jobs.ErrGiveUp)
	}
	return m.send(ctx, s.Owner, s.Receiver, letter)
}

// send gives one letter to the server, unless that is left alone.
func (m *Mailer) send(ctx context.Context, owner, address string, letter *gomail.Msg) (notify.Answer, error) {
	now := m.o.Clock.Now()
	if until := m.health.until(); now.Before(until) {
		return notify.Answer{Held: true}, &jobs.Later{At: until, Err: errPaused}
	}
	began := time.Now()
	err := m.o.Server.send(ctx, letter)
	answer := notify.Answer{Took: time.Since(began), Status: 250}
	if err == nil {
		m.health.well()
		return answer, nil
	}
	if ctx.Err() != nil {
		return answer, ctx.Err() // cut, and no fault of the server
	}
	var why *refusal
	if !errors.As(err, &why) {
		return answer, err
	}
	answer.Status, answer.Text = why.code, why.text
	switch why.at {
	case ofAddress:
		m.health.well()
		m.o.Log.WarnContext(ctx, "mail: an address is suspended", "owner", owner, "err", err)
		if kept := m.o.Mailboxes.Suspend(ctx, owner, address, why.text); kept != nil && !errors.Is(kept, artifact.ErrNotFound) {
			return answer, kept
		}
		return answer, fmt.Errorf("%w: %w", err, notify.ErrGone)
	case ofLetter:
		m.health.well()
		return answer, fmt.Errorf("%w (%w)", err, jobs.ErrGiveUp)
	case ofOne:
		return answer, err
	}
	until := m.health.failed(m.o.Clock.Now())
	m.o.Log.ErrorContext(ctx, "mail: the server takes no letters", "alert", true, "until", until, "err", err)
	return answer, &jobs.Later{At: until, Err: err}
}

var errPaused = errors.New("the mail server failed and is left alone for a while")

// confirm asks the reader of an address.
func (m *Mailer) confirm(ctx context.Context, a jobs.Attempt) error {
	now := m.o.Clock.Now()
	if until := m.health.until(); now.Before(until) {
		return &jobs.Later{At: until, Err: errPaused}
	}
	r, err := m.o.Mailboxes.Request(ctx, a.Payload)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil // it was confirmed, or is not wanted any more
	}
	if err != nil {
		return err
	}
	letter, err := m.request(r)
	if err != nil {
		return fmt.Errorf("letter: %w (%w)", err, jobs.ErrGiveUp)
	}
	if _, err = m.send(ctx, r.Mailbox.Owner, r.Mailbox.Address, letter); errors.Is(err, notify.ErrGone) {
		return nil // the address is suspended, which its owner sees
	}
	return err
}

// health is how the server answered last.
type health struct {
	mu       sync.Mutex
	failures int
	paused   time.Time
}

func (h *health) until() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.paused
}

func (h *health) well() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures, h.paused = 0, time.Time{}
}

// longestPause is how long the server is left alone at most: one mended server is
// what all letters wait for.
const longestPause = 10 * time.Minute

func (h *health) failed(now time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.paused) { // another letter found out at the same time
		return h.paused
	}
	h.failures++
	h.paused = now.Add(min(notify.FirstPause<<min(h.failures-1, 10), longestPause))
	return h.paused
}

package notify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/seal"
)

// The most that one account may have.
const (
	MaxWebhooks      = 20
	MaxSubscriptions = 100
)

// oldSecretFor is how long the secret before signs too.
const oldSecretFor = 24 * time.Hour

// An AuditLog writes down what was done, in the transaction that does it.
type AuditLog interface {
	Note(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, before, after any) error
}

// ServiceOptions are what a Service needs; all must be given.
type ServiceOptions struct {
	Options
	Webhooks WebhookStore
	Sealer   *seal.Box
	Caller   *Caller
	// Mailboxes are the addresses of those who are told by e-mail.
	Mailboxes *Mailboxes
	// May refuses the caller of ctx who may not do an action.
	May   func(ctx context.Context, action auth.Action, on auth.Resource) error
	Audit AuditLog
	// HasPlugin reports whether something of a plugin was pushed here, listed or not.
	HasPlugin func(ctx context.Context, plugin string) (bool, error)
	// Reach refuses a URL to which nothing may be sent.
	Reach func(u *url.URL) error
}

// A Service keeps the webhooks and subscriptions of those who ask. Each sees its
// own alone: another's is not found. Its errors are *index.Problem or of a kind
// of artifact.
type Service struct {
	o      ServiceOptions
	engine *Engine
	tests  *auth.Limiter
}

// NewService makes a Service.
func NewService(o ServiceOptions, e *Engine) *Service {
	return &Service{o, e, auth.NewLimiter("tests of webhooks", auth.Rate{PerSecond: 0.1, Burst: 6}, o.Clock.Now)}
}

// owner is the caller of ctx, who may have subscriptions.
func (s *Service) owner(ctx context.Context) (auth.Principal, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return by, err
	}
	refused := s.o.May(ctx, auth.PersonalNotifications, auth.Site())
	if by.Kind == auth.Robot {
		return by, index.NewProblem(index.CodeNotAuthorised, fmt.Sprintf("%s is a robot: what somebody is told of follows the rights of an account", by.Name),
			"log in as a person, or with an admin token: oarlock login HOST")
	}
	return by, refused
}

// change does something and writes it down, in one transaction.
func (s *Service) change(ctx context.Context, by auth.Principal, before, after any, do func(context.Context) error) error {
	return s.o.InTx(ctx, func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		return s.note(ctx, by, before, after)
	})
}

// note writes down what was done.
func (s *Service) note(ctx context.Context, by auth.Principal, before, after any) error {
	return s.o.Audit.Note(ctx, by, auth.PersonalNotifications, auth.Site(), before, after)
}

func newID(prefix string) string {
	raw := make([]byte, 12)
	_, _ = rand.Read(raw) // never fails
	return prefix + hex.EncodeToString(raw)
}

// own gives a webhook of the caller.
func (s *Service) own(ctx context.Context, by auth.Principal, id string) (Webhook, error) {
	return webhookOf(ctx, s.o.Webhooks, by.Name, id)
}

// webhookOf gives a webhook of an account; another's is not there for it.
func webhookOf(ctx context.Context, from WebhookStore, owner, id string) (Webhook, error) {
	w, err := from.Webhook(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && w.Owner != owner {
		return w, index.NewProblem(index.CodeNotFound, fmt.Sprintf("you have no webhook %.40q", id), "see yours: oarlock webhook list")
	}
	return w, err
}

// checkURL refuses what cannot be called.
func (s *Service) checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("url %.100q: expected https://HOST/PATH: %w", text, artifact.ErrInvalid)
	case u.User != nil:
		return fmt.Errorf("url of %s: it holds a user name or password, which would be shown to who lists webhooks: "+
			"what is sent is signed instead: %w", u.Hostname(), artifact.ErrInvalid)
	case u.Fragment != "":
		return fmt.Errorf("url %.100q: expected no #fragment, which is never sent: %w", text, artifact.ErrInvalid)
	case u.Port() != "" && !isPort(u.Port()):
		return fmt.Errorf("url: port %.20q: expected 1 to 65535: %w", u.Port(), artifact.ErrInvalid)
	case len(text) > 2000:
		return fmt.Errorf("url: %d bytes, expected at most 2000: %w", len(text), artifact.ErrInvalid)
	}
	return s.o.Reach(u)
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// tooMany says a bound in words.
func tooMany(err error, what string, most int) error {
	if !errors.Is(err, ErrTooMany) {
		return err
	}
	fix := "remove one: oarlock subscription remove ID"
	if what == "webhooks" {
		fix = "remove one: oarlock webhook remove ID"
	}
	return index.NewProblem(index.CodeQuota, fmt.Sprintf("you have %d %s, and no more are allowed", most, what), fix)
}

package notify

import (
	"context"
	"time"
)

// WebhookChannel is the Channel of subscriptions that are told by webhook.
const WebhookChannel = "webhook"

// A Webhook is an endpoint of somebody else that is called.
type Webhook struct {
	ID, Owner string
	URL       string
	// Secret signs what is sent, and OldSecret too until OldUntil; both are sealed.
	Secret, OldSecret []byte
	OldUntil          time.Time
	CreatedAt         time.Time
	Health
}

// Health is how an endpoint answered last.
type Health struct {
	// Failures counts those since FailingSince, and since the last success.
	Failures     int
	FailingSince time.Time
	// PausedUntil is when it is asked again.
	PausedUntil time.Time
	// SlowUntil is until when it waits among the slow ones.
	SlowUntil time.Time
	// GoneAt is when it said that it wants no more.
	GoneAt time.Time
}

// A WebhookStore keeps webhooks.
type WebhookStore interface {
	// AddWebhook keeps a new one; where its owner has so many already, that is
	// ErrTooMany.
	AddWebhook(ctx context.Context, w Webhook, most int) error
	Webhook(ctx context.Context, id string) (Webhook, error)
	// Webhooks are those of an account, the oldest first.
	Webhooks(ctx context.Context, owner string) ([]Webhook, error)
	// ChangeSecrets replaces the secrets of one whose Secret still is was;
	// another is artifact.ErrConflict.
	ChangeSecrets(ctx context.Context, w Webhook, was []byte) error
	// RemoveWebhook removes it with its subscriptions and their deliveries.
	RemoveWebhook(ctx context.Context, id string) error
}

// A HealthStore keeps how endpoints answer.
type HealthStore interface {
	ChangeHealth(ctx context.Context, id string, h Health) error
}

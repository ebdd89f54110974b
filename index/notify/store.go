package notify

import (
	"context"
	"time"
)

// Methods of the stores join the transaction of their context. They return
// artifact.ErrNotFound and artifact.ErrConflict; any other error means that the
// store could not tell.

// An EventStore keeps what happened.
type EventStore interface {
	// AddEvent keeps an event and gives it its Number. One with an ID that is
	// there is given as it is kept. Numbers become visible in their order.
	AddEvent(ctx context.Context, e Event) (Event, error)
	Event(ctx context.Context, id string) (Event, error)
	// EventsAfter are at most limit, in their order, with a Number above one.
	EventsAfter(ctx context.Context, number int64, limit int) ([]Event, error)
	// PruneEvents removes at most limit that were noted before a time and of
	// which no delivery is kept.
	PruneEvents(ctx context.Context, before time.Time, limit int) (int, error)
}

// A SubscriptionStore keeps who is told of what.
type SubscriptionStore interface {
	// AddSubscription keeps a new one; where its owner has so many already, that
	// is ErrTooMany.
	AddSubscription(ctx context.Context, s Subscription, most int) error
	Subscription(ctx context.Context, id string) (Subscription, error)
	// Subscriptions are those of an account, the oldest first.
	Subscriptions(ctx context.Context, owner string) ([]Subscription, error)
	// SubscriptionsTo are those that q asks for.
	SubscriptionsTo(ctx context.Context, q SubscriptionQuery) ([]Subscription, error)
	// RemoveSubscription removes it, and where its owner has no other to the same
	// receiver what was and is to be told there.
	RemoveSubscription(ctx context.Context, id string) error
}

// A SubscriptionQuery asks for subscriptions that are about what an event is
// about, whatever types they name, in the order of their IDs.
type SubscriptionQuery struct {
	Event Event
	// Frequency, Owner, Channel and Receiver filter where they are not "".
	Frequency                Frequency
	Owner, Channel, Receiver string
	// After is the ID of the last one of the page before, "" for the first.
	After string
	Limit int
}

// A State is how far a delivery is.
type State string

// The states.
const (
	Waiting   State = "waiting"   // for its first attempt, or the next
	Delivered State = "delivered" // the receiver took it
	Dead      State = "dead"      // it is not tried again by itself
)

// A Delivery is one event on its way to one receiver.
type Delivery struct {
	// ID follows from the event, the receiver and its owner: of two there is one.
	// Subscription is the one because of which it was made; it may be gone.
	ID, Event, Subscription string
	Owner                   string
	Channel, Receiver       string
	State                   State
	Attempts                int
	// Status, Answer and Reason are of the last attempt.
	Status         int
	Answer, Reason string
	// Asked is when the event was noted, Tried when it was tried last, and Next
	// when it is again.
	Asked, Tried, Next time.Time
}

// A DeliveryQuery asks for deliveries to a receiver that were tried, or that ended
// before they could be, the newest first.
type DeliveryQuery struct {
	Receiver string
	// Owner and Channel filter where they are not "": an address may be that of two.
	Owner, Channel string
	// Subscription asks for those of one, whatever its receiver.
	Subscription string
	// AskedFrom and AskedUntil, where they are set, ask for what of a subscription
	// was noted between them, tried or not.
	AskedFrom, AskedUntil time.Time
	// State and Event filter where they are not "".
	State State
	Event string
	// Before is the ID of the last one of the page before, "" for the first.
	Before string
	Limit  int
}

// A DeliveryStore keeps deliveries.
type DeliveryStore interface {
	// AddDeliveries keeps those whose ID is not there yet, and gives these.
	AddDeliveries(ctx context.Context, all []Delivery) ([]Delivery, error)
	Delivery(ctx context.Context, id string) (Delivery, error)
	// ChangeDelivery replaces one that is there.
	ChangeDelivery(ctx context.Context, d Delivery) error
	// Deliveries are those that q asks for; a Before that is none of its receiver is
	// artifact.ErrNotFound.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error)
	RemoveDelivery(ctx context.Context, id string) error
}

// An Attempt is one try of a delivery.
type Attempt struct {
	Delivery string
	Number   int
	At       time.Time
	Took     time.Duration
	Status   int
	Answer   string
	Reason   string // why it failed, "" where it did not
}

// An AttemptStore keeps attempts.
type AttemptStore interface {
	AddAttempt(ctx context.Context, a Attempt) error
	// Attempts are the last ones of a delivery, at most limit, the oldest first.
	Attempts(ctx context.Context, delivery string, limit int) ([]Attempt, error)
	// PruneAttempts removes at most limit that are from before a time, and
	// deliveries that ended before it.
	PruneAttempts(ctx context.Context, before time.Time, limit int) (int, error)
}

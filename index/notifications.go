package index

import "time"

// A Webhook is an endpoint that is called when something happens.
type Webhook struct {
	ID            string         `json:"id" example:"wh_4f1c2a9d0b7e"`
	URL           string         `json:"url" example:"https://ci.example.org/hooks/oarlock"`
	State         string         `json:"state" enum:"active,failing,gone" doc:"failing: the last call failed, and it is tried again; gone: it answered 410 and is not called any more."`
	Failures      int            `json:"failures" doc:"Calls that failed since the last that did not."`
	FailingSince  *time.Time     `json:"failing_since,omitempty"`
	NextAt        *time.Time     `json:"next_attempt_at,omitempty" doc:"When it is called again; absent where it does not fail."`
	OldUntil      *time.Time     `json:"old_secret_until,omitempty" doc:"Until when the secret before signs too."`
	CreatedAt     time.Time      `json:"created_at"`
	Subscriptions []Subscription `json:"subscriptions"`
}

// NewWebhook asks for a webhook and for what it is told of.
type NewWebhook struct {
	URL string `json:"url" maxLength:"2000" doc:"An https:// URL." example:"https://ci.example.org/hooks/oarlock"`
	SubscriptionScope
}

// A CreatedWebhook shows its secret once.
type CreatedWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"Verifies what is sent, by Standard Webhooks. It is not shown again."`
}

// WebhookList is the answer to a listing of webhooks.
type WebhookList struct {
	Items []Webhook `json:"items"`
}

// SubscriptionScope is what a subscription is about: at most one of the three
// names, and everything that its owner may know of without one.
type SubscriptionScope struct {
	Publisher string   `json:"publisher,omitempty" example:"acme"`
	Plugin    string   `json:"plugin,omitempty" example:"acme/hello"`
	Tenant    string   `json:"tenant,omitempty" doc:"The plugins that this tenant has."`
	Events    []string `json:"events,omitempty" doc:"Types of events, as plugin.published or plugin.version.*; none is all." example:"[\"plugin.published\", \"plugin.emergency.*\"]"`
}

// A Subscription has an account told of some events.
type Subscription struct {
	ID       string `json:"id" example:"sub_4f1c2a9d0b7e"`
	Channel  string `json:"channel" example:"webhook"`
	Receiver string `json:"receiver" doc:"Id of the webhook, or the address." example:"wh_4f1c2a9d0b7e"`
	SubscriptionScope
	Frequency string    `json:"frequency,omitempty" enum:"hourly,daily" doc:"How often letters are sent; absent where each event is told at once, as emergencies are always."`
	State     string    `json:"state" enum:"active,unconfirmed,suspended" doc:"unconfirmed: who reads the address was asked, and has not said yes; suspended: a server said that there is no such mailbox."`
	Reason    string    `json:"reason,omitempty" doc:"Why it is suspended."`
	CreatedAt time.Time `json:"created_at"`
}

// NewSubscription asks for a subscription.
type NewSubscription struct {
	Channel   string `json:"channel,omitempty" default:"webhook" doc:"By what one is told: webhook, or email where the site sends mail."`
	Receiver  string `json:"receiver" maxLength:"254" doc:"Id of a webhook of one's own, or an address." example:"wh_4f1c2a9d0b7e"`
	Frequency string `json:"frequency,omitempty" enum:"at_once,hourly,daily" doc:"How often letters are sent; emergencies always at once."`
	SubscriptionScope
}

// A MailToken confirms an address.
type MailToken struct {
	Token string `json:"token" maxLength:"200" doc:"As the letter that asks says it."`
}

// A ConfirmedAddress is one to which letters are sent from now on.
type ConfirmedAddress struct {
	Address string `json:"address" example:"ada@example.org"`
}

// SubscriptionList is the answer to a listing of subscriptions.
type SubscriptionList struct {
	Items []Subscription `json:"items"`
}

// A Delivery is one event on its way to a webhook or an address.
type Delivery struct {
	ID           string     `json:"id" example:"dl_0b7e4f1c2a9d"`
	Event        string     `json:"event" doc:"Id of the event, which a webhook sees as webhook-id."`
	Type         string     `json:"type" example:"dev.oarlock.plugin.published.v1"`
	Subject      string     `json:"subject" example:"acme/hello@1.2.0"`
	Subscription string     `json:"subscription" doc:"Because of which it was made; it may have ended."`
	State        string     `json:"state" enum:"waiting,delivered,dead" doc:"waiting for the next attempt; dead is not tried again but by replay."`
	Attempts     int        `json:"attempts"`
	Status       int        `json:"status,omitempty" doc:"Status of the last answer, of HTTP or SMTP."`
	Answer       string     `json:"answer,omitempty" doc:"Its first 256 bytes."`
	Reason       string     `json:"reason,omitempty" doc:"Why the last attempt failed."`
	NotedAt      time.Time  `json:"noted_at" doc:"When the event was noted here."`
	TriedAt      *time.Time `json:"tried_at,omitempty"`
	NextAt       *time.Time `json:"next_attempt_at,omitempty"`
}

// A DeliveryPage is one page of deliveries, the newest first.
type DeliveryPage struct {
	Items      []Delivery `json:"items"`
	NextCursor string     `json:"next_cursor,omitempty" doc:"cursor= of the next page."`
}

// A DeliveryAttempt is one try of a delivery.
type DeliveryAttempt struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	TookMS int64     `json:"took_ms"`
	Status int       `json:"status,omitempty"`
	Answer string    `json:"answer,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// A DeliveryDetail is a delivery with its last attempts.
type DeliveryDetail struct {
	Delivery
	Tries []DeliveryAttempt `json:"tries" doc:"The last ones, at most 100, kept for 14 days."`
}

// ReplayRequest says what is told again.
type ReplayRequest struct {
	Deliveries []string `json:"deliveries,omitempty" maxItems:"100" doc:"Ids of deliveries that ended; none is all that are dead, at most 1000."`
}

// Replayed says how many deliveries are on their way again.
type Replayed struct {
	Deliveries int `json:"deliveries"`
}

// A WebhookTest is what a webhook answered to an event of the type
// dev.oarlock.webhook.tested.v1.
type WebhookTest struct {
	OK     bool   `json:"ok"`
	Event  string `json:"event" doc:"Id of the event that was sent."`
	Status int    `json:"status,omitempty"`
	Answer string `json:"answer,omitempty"`
	Reason string `json:"reason,omitempty"`
	TookMS int64  `json:"took_ms"`
}

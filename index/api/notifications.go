package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/index"
)

// Notifications keep what the caller is told of. Errors are *index.Problem or of
// a kind of artifact.
type Notifications interface {
	Webhooks(ctx context.Context) ([]index.Webhook, error)
	CreateWebhook(ctx context.Context, q index.NewWebhook) (index.CreatedWebhook, error)
	RemoveWebhook(ctx context.Context, id string) error
	RotateWebhook(ctx context.Context, id string) (index.CreatedWebhook, error)
	TestWebhook(ctx context.Context, id string) (index.WebhookTest, error)
	Deliveries(ctx context.Context, webhook, state, cursor string, limit int) (index.DeliveryPage, error)
	Delivery(ctx context.Context, webhook, id string) (index.DeliveryDetail, error)
	ReplayDeliveries(ctx context.Context, webhook string, q index.ReplayRequest) (index.Replayed, error)
	Subscriptions(ctx context.Context) ([]index.Subscription, error)
	CreateSubscription(ctx context.Context, q index.NewSubscription) (index.Subscription, error)
	RemoveSubscription(ctx context.Context, id string) error
	ResendConfirmation(ctx context.Context, id string) (index.Subscription, error)
	SubscriptionDeliveries(ctx context.Context, subscription, state, cursor string, limit int) (index.DeliveryPage, error)
	SubscriptionDelivery(ctx context.Context, subscription, id string) (index.DeliveryDetail, error)
	ReplaySubscription(ctx context.Context, subscription string, q index.ReplayRequest) (index.Replayed, error)
	ConfirmAddress(ctx context.Context, q index.MailToken) (index.ConfirmedAddress, error)
}

// WebhookParams name a webhook.
type WebhookParams struct {
	ID string `path:"id" doc:"Id of the webhook." example:"wh_4f1c2a9d0b7e"`
}

type webhooksOutput struct{ Body index.WebhookList }

type createWebhookInput struct{ Body index.NewWebhook }

type createdWebhookOutput struct{ Body index.CreatedWebhook }

type webhookTestOutput struct{ Body index.WebhookTest }

// A DeliveriesPage is which deliveries are asked for.
type DeliveriesPage struct {
	State  string `query:"state" enum:"waiting,delivered,dead" doc:"Those in this state; empty for all."`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

type deliveriesInput struct {
	WebhookParams
	DeliveriesPage
}

type deliveriesOutput struct{ Body index.DeliveryPage }

type deliveryInput struct {
	WebhookParams
	Delivery string `path:"delivery" doc:"Id of the delivery."`
}

type deliveryOutput struct{ Body index.DeliveryDetail }

type replayInput struct {
	WebhookParams
	Body index.ReplayRequest
}

type replayOutput struct{ Body index.Replayed }

type subscriptionsOutput struct{ Body index.SubscriptionList }

type createSubscriptionInput struct{ Body index.NewSubscription }

type subscriptionOutput struct{ Body index.Subscription }

type mailTokenInput struct{ Body index.MailToken }

type confirmedAddressOutput struct{ Body index.ConfirmedAddress }

// SubscriptionParams name a subscription.
type SubscriptionParams struct {
	ID string `path:"id" doc:"Id of the subscription." example:"sub_4f1c2a9d0b7e"`
}

type subscriptionDeliveriesInput struct {
	SubscriptionParams
	DeliveriesPage
}

type subscriptionDeliveryInput struct {
	SubscriptionParams
	Delivery string `path:"delivery" doc:"Id of the delivery."`
}

type replaySubscriptionInput struct {
	SubscriptionParams
	Body index.ReplayRequest
}

func (s *Server) notificationRoutes(a huma.API) {
	own := func(op huma.Operation) huma.Operation {
		op.Path = "/api/v1" + op.Path
		op.Tags = []string{"notifications"}
		op.Security = []map[string][]string{{"bearer": {}}}
		op.MaxBodyBytes = s.MaxBody
		op.Middlewares = huma.Middlewares{s.withNotifications}
		op.Errors = append([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden}, op.Errors...)
		return op
	}
	s.webhookRoutes(a, own)
	s.deliveryRoutes(a, own)
	s.subscriptionRoutes(a, own)
}

func (s *Server) webhookRoutes(a huma.API, own guard) {
	huma.Register(a, own(huma.Operation{OperationID: "webhooks", Method: http.MethodGet, Path: "/webhooks",
		Summary: "List one's webhooks", Description: "With what each is told of. No secret is among it."}),
		func(ctx context.Context, _ *struct{}) (*webhooksOutput, error) {
			items, err := s.Notifications.Webhooks(ctx)
			return &webhooksOutput{index.WebhookList{Items: items}}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "create-webhook", Method: http.MethodPost, Path: "/webhooks", DefaultStatus: http.StatusCreated,
		Summary: "Add a webhook", Description: "It is called with CloudEvents that are signed by Standard Webhooks. The secret is shown in this answer only."}),
		func(ctx context.Context, in *createWebhookInput) (*createdWebhookOutput, error) {
			w, err := s.Notifications.CreateWebhook(ctx, in.Body)
			return &createdWebhookOutput{w}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "remove-webhook", Method: http.MethodDelete, Path: "/webhooks/{id}", DefaultStatus: http.StatusNoContent,
		Summary: "Remove a webhook", Description: "With its subscriptions, its deliveries and what waits for it.", Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *WebhookParams) (*struct{}, error) {
			return nil, s.Notifications.RemoveWebhook(ctx, in.ID)
		})
	huma.Register(a, own(huma.Operation{OperationID: "rotate-webhook", Method: http.MethodPost, Path: "/webhooks/{id}/rotate",
		Summary: "Give a webhook a new secret", Description: "For 24 hours what is sent is signed by the old secret too.",
		Errors: []int{http.StatusNotFound, http.StatusConflict}}),
		func(ctx context.Context, in *WebhookParams) (*createdWebhookOutput, error) {
			w, err := s.Notifications.RotateWebhook(ctx, in.ID)
			return &createdWebhookOutput{w}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "test-webhook", Method: http.MethodPost, Path: "/webhooks/{id}/test",
		Summary:     "Call a webhook now",
		Description: "With an event of the type dev.oarlock.webhook.tested.v1. One that answers well is no longer counted as failing or gone.",
		Errors:      []int{http.StatusNotFound, http.StatusTooManyRequests}}),
		func(ctx context.Context, in *WebhookParams) (*webhookTestOutput, error) {
			out, err := s.Notifications.TestWebhook(ctx, in.ID)
			return &webhookTestOutput{out}, err
		})
}

func (s *Server) deliveryRoutes(a huma.API, own guard) {
	huma.Register(a, own(huma.Operation{OperationID: "webhook-deliveries", Method: http.MethodGet, Path: "/webhooks/{id}/deliveries",
		Summary: "List what a webhook was told", Description: "The newest first; those that were tried at least once, and dead ones. They are kept for 14 days.",
		Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
			page, err := s.Notifications.Deliveries(ctx, in.ID, in.State, in.Cursor, in.Limit)
			return &deliveriesOutput{page}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "webhook-delivery", Method: http.MethodGet, Path: "/webhooks/{id}/deliveries/{delivery}",
		Summary: "Show a delivery with its attempts", Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *deliveryInput) (*deliveryOutput, error) {
			d, err := s.Notifications.Delivery(ctx, in.ID, in.Delivery)
			return &deliveryOutput{d}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "replay-webhook", Method: http.MethodPost, Path: "/webhooks/{id}/replay",
		Summary: "Tell a webhook again", Description: "Deliveries that ended are made again, with the ids that they had: those that are named, or all that are dead.",
		Errors: []int{http.StatusNotFound, http.StatusConflict}}),
		func(ctx context.Context, in *replayInput) (*replayOutput, error) {
			out, err := s.Notifications.ReplayDeliveries(ctx, in.ID, in.Body)
			return &replayOutput{out}, err
		})
}

func (s *Server) subscriptionRoutes(a huma.API, own guard) {
	huma.Register(a, own(huma.Operation{OperationID: "subscriptions", Method: http.MethodGet, Path: "/subscriptions", Summary: "List one's subscriptions"}),
		func(ctx context.Context, _ *struct{}) (*subscriptionsOutput, error) {
			items, err := s.Notifications.Subscriptions(ctx)
			return &subscriptionsOutput{index.SubscriptionList{Items: items}}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "create-subscription", Method: http.MethodPost, Path: "/subscriptions", DefaultStatus: http.StatusCreated,
		Summary: "Subscribe", Description: "To a publisher, a plugin, the plugins of a tenant, or everything. Rights are asked again at each delivery. " +
			"An address is told after who reads it has confirmed it.",
		Errors: []int{http.StatusNotFound, http.StatusTooManyRequests}}),
		func(ctx context.Context, in *createSubscriptionInput) (*subscriptionOutput, error) {
			out, err := s.Notifications.CreateSubscription(ctx, in.Body)
			return &subscriptionOutput{out}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "remove-subscription", Method: http.MethodDelete, Path: "/subscriptions/{id}",
		DefaultStatus: http.StatusNoContent, Summary: "Unsubscribe", Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *SubscriptionParams) (*struct{}, error) {
			return nil, s.Notifications.RemoveSubscription(ctx, in.ID)
		})
	s.mailboxRoutes(a, own)
	s.subscriptionDeliveryRoutes(a, own)
}

func (s *Server) subscriptionDeliveryRoutes(a huma.API, own guard) {
	huma.Register(a, own(huma.Operation{OperationID: "subscription-deliveries", Method: http.MethodGet, Path: "/subscriptions/{id}/deliveries",
		Summary: "List what the receiver of a subscription was told", Description: "Of an address, or of a webhook as /webhooks/{id}/deliveries does: " +
			"the newest first; those that were tried at least once, and dead ones. They are kept for 14 days.",
		Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *subscriptionDeliveriesInput) (*deliveriesOutput, error) {
			page, err := s.Notifications.SubscriptionDeliveries(ctx, in.ID, in.State, in.Cursor, in.Limit)
			return &deliveriesOutput{page}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "subscription-delivery", Method: http.MethodGet, Path: "/subscriptions/{id}/deliveries/{delivery}",
		Summary: "Show a delivery of a subscription with its attempts", Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *subscriptionDeliveryInput) (*deliveryOutput, error) {
			d, err := s.Notifications.SubscriptionDelivery(ctx, in.ID, in.Delivery)
			return &deliveryOutput{d}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "replay-subscription", Method: http.MethodPost, Path: "/subscriptions/{id}/replay",
		Summary: "Tell the receiver of a subscription again",
		Description: "Deliveries that ended are made again: those that are named, or all that are dead. A letter that is sent again has the " +
			"Message-ID that it had, where it has the same in it.",
		Errors: []int{http.StatusNotFound, http.StatusConflict}}),
		func(ctx context.Context, in *replaySubscriptionInput) (*replayOutput, error) {
			out, err := s.Notifications.ReplaySubscription(ctx, in.ID, in.Body)
			return &replayOutput{out}, err
		})
}

func (s *Server) mailboxRoutes(a huma.API, own guard) {
	huma.Register(a, own(huma.Operation{OperationID: "resend-confirmation", Method: http.MethodPost, Path: "/subscriptions/{id}/resend",
		Summary:     "Ask again to confirm the address of a subscription",
		Description: "By a letter with a new link; also where the address was suspended. To one address at most three letters are sent in a day, whoever asks.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests}}),
		func(ctx context.Context, in *SubscriptionParams) (*subscriptionOutput, error) {
			out, err := s.Notifications.ResendConfirmation(ctx, in.ID)
			return &subscriptionOutput{out}, err
		})
	huma.Register(a, own(huma.Operation{OperationID: "confirm-address", Method: http.MethodPost, Path: "/subscriptions/confirm",
		Summary:     "Confirm an address",
		Description: "By the token of the letter that asks, which confirms once, within two days. The link in the letter does the same without a login.",
		Errors:      []int{http.StatusNotFound}}),
		func(ctx context.Context, in *mailTokenInput) (*confirmedAddressOutput, error) {
			out, err := s.Notifications.ConfirmAddress(ctx, in.Body)
			return &confirmedAddressOutput{out}, err
		})
}

func (s *Server) withNotifications(hc huma.Context, next func(huma.Context)) {
	if s.Notifications != nil {
		next(hc)
		return
	}
	writeProblem(humaecho.Unwrap(hc).Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server tells nobody of anything"))
}

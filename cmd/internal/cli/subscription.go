package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

func newSubscription(c *console) *cobra.Command {
	return parent("subscription", "Say what you are told of", newSubscriptionAdd(c), newSubscriptionList(c), newSubscriptionRemove(c))
}

// shortEvent is a type of event as people write it.
func shortEvent(t string) string {
	return strings.TrimSuffix(strings.TrimPrefix(t, "dev.oarlock."), ".v1")
}

type subscriptionResult struct{ index.Subscription }

func (r subscriptionResult) text(w io.Writer) error {
	about, events := scopeText(r.SubscriptionScope)
	return writeLine(w, "subscription %s: %s %s is told of %s (%s)", r.ID, r.Channel, r.Receiver, about, events)
}

func newSubscriptionAdd(c *console) *cobra.Command {
	var q index.NewSubscription
	cmd := verb("add RECEIVER", "Subscribe",
		"To one publisher, one plugin, the plugins of one tenant, or everything that you may pull. The receiver is a webhook of\n"+
			"yours, or with --channel what that channel of the site knows addresses by. Rights are asked again at each delivery.",
		"oarlock subscription add wh_4f1c2a9d0b7e --publisher acme --events plugin.version.*",
		"oarlock subscription add wh_4f1c2a9d0b7e --tenant north --events plugin.emergency.* --output json")
	cmd.Args = args(1, 1, webhookArgument)
	cmd.Flags().StringVar(&q.Channel, "channel", "webhook", "by what you are told")
	scopeFlags(cmd.Flags(), &q.SubscriptionScope)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q.Receiver = args[0]
		r, err := call[subscriptionResult](cmd.Context(), c, http.MethodPost, "/subscriptions", q)
		if err != nil {
			return fmt.Errorf("subscription add: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

type subscriptionList struct{ index.SubscriptionList }

func (r subscriptionList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no subscriptions")
	}
	return table(w, func(row func(...string)) {
		row("ID", "CHANNEL", "RECEIVER", "ABOUT", "EVENTS", "SINCE")
		for _, s := range r.Items {
			about, events := scopeText(s.SubscriptionScope)
			row(s.ID, s.Channel, s.Receiver, about, events, day(&s.CreatedAt, "-"))
		}
	})
}

func newSubscriptionList(c *console) *cobra.Command {
	cmd := verb("list", "List your subscriptions", "Those of your webhooks, and those by other channels.",
		"oarlock subscription list", "oarlock subscription list --output json")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[subscriptionList](cmd.Context(), c, http.MethodGet, "/subscriptions", nil)
		if err != nil {
			return fmt.Errorf("subscription list: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newSubscriptionRemove(c *console) *cobra.Command {
	cmd := verb("remove ID", "Unsubscribe", "What waits for it is not sent any more.", "oarlock subscription remove sub_4f1c2a9d0b7e --yes")
	cmd.Args = args(1, 1, "the id of a subscription, as subscription list shows it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodDelete, "/subscriptions/"+url.PathEscape(args[0]), nil, "removed subscription "+args[0])
	}
	return c.confirmed(cmd, func(args []string) string {
		return "this removes the subscription " + args[0] + " and what waits for it"
	})
}

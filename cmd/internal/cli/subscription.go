package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

func newSubscription(c *console) *cobra.Command {
	return parent("subscription", "Say what you are told of", newSubscriptionAdd(c), newSubscriptionList(c), newSubscriptionRemove(c),
		newSubscriptionConfirm(c), newSubscriptionResend(c), newSubscriptionDeliveries(c), newSubscriptionReplay(c))
}

// subscriptionArgument is what a verb says that it expects of a subscription.
const subscriptionArgument = "the id of a subscription, as subscription list shows it"

func subscriptionPath(id string) string { return "/subscriptions/" + url.PathEscape(id) }

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
	var email string
	cmd := verb("add WEBHOOK | --email ADDRESS", "Subscribe",
		"To one publisher, one plugin, the plugins of one tenant, or everything that you may pull. You are told by a webhook of\n"+
			"yours, or by e-mail: a letter with a link asks the address first. Emergencies come at once, whatever --frequency says.\n"+
			"Rights are asked again at each delivery.",
		"oarlock subscription add wh_4f1c2a9d0b7e --publisher acme --events plugin.version.*",
		"oarlock subscription add --email ada@example.org --plugin acme/hello --frequency daily",
		"oarlock subscription add wh_4f1c2a9d0b7e --tenant north --events plugin.emergency.* --output json")
	cmd.Args = args(0, 1, webhookArgument+", or --email ADDRESS")
	cmd.Flags().StringVar(&email, "email", "", "the `ADDRESS` that letters are sent to")
	cmd.Flags().StringVar(&q.Frequency, "frequency", "", "how often letters are sent: `at_once`, hourly or daily")
	cmd.Flags().StringVar(&q.Channel, "channel", "webhook", "by what you are told")
	scopeFlags(cmd.Flags(), &q.SubscriptionScope)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case email != "" && len(args) > 0:
			return usagef("subscription add: %s and --email %s: expected one receiver", args[0], email)
		case email != "":
			q.Channel, q.Receiver = "email", email
		case len(args) > 0:
			q.Receiver = args[0]
		default:
			return usagef("subscription add: expected %s, or --email ADDRESS", webhookArgument)
		}
		r, err := call[subscriptionResult](cmd.Context(), c, http.MethodPost, "/subscriptions", q)
		if err != nil {
			return fmt.Errorf("subscription add: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if r.State == "unconfirmed" {
			c.note("%s was asked by letter: open its link, or: oarlock subscription confirm TOKEN", r.Receiver)
		}
		return nil
	}
	return cmd
}

type subscriptionList struct{ index.SubscriptionList }

func (r subscriptionList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no subscriptions")
	}
	return table(w, func(row func(...string)) {
		row("ID", "CHANNEL", "RECEIVER", "STATE", "ABOUT", "EVENTS", "HOW OFTEN", "SINCE")
		for _, s := range r.Items {
			about, events := scopeText(s.SubscriptionScope)
			state := s.State
			if s.Reason != "" {
				state += ": " + s.Reason
			}
			row(s.ID, s.Channel, s.Receiver, state, about, events, cmp.Or(s.Frequency, "at once"), instant(&s.CreatedAt, "-"))
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
	cmd.Args = args(1, 1, subscriptionArgument)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodDelete, subscriptionPath(args[0]), nil, "removed subscription "+args[0])
	}
	return c.confirmed(cmd, func(args []string) string {
		return "this removes the subscription " + args[0] + " and what waits for it"
	})
}

type confirmedAddress struct{ index.ConfirmedAddress }

func (r confirmedAddress) text(w io.Writer) error {
	return writeLine(w, "letters are sent to %s from now on", r.Address)
}

func newSubscriptionConfirm(c *console) *cobra.Command {
	cmd := verb("confirm TOKEN", "Confirm the address of a subscription",
		"By the token of the letter that asks, which confirms once, within two days. Opening the link in it does the same.",
		"oarlock subscription confirm K7Q2ZP4M6VXA")
	cmd.Args = args(1, 1, "the token, as the letter has it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[confirmedAddress](cmd.Context(), c, http.MethodPost, "/subscriptions/confirm", index.MailToken{Token: args[0]})
		if err != nil {
			return fmt.Errorf("subscription confirm: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newSubscriptionResend(c *console) *cobra.Command {
	cmd := verb("resend ID", "Have the address of a subscription asked again",
		"By a letter with a new link; also where a server said that there is no such mailbox, and the address is suspended. To\n"+
			"one address at most three letters are sent in a day, whoever asks.",
		"oarlock subscription resend sub_4f1c2a9d0b7e")
	cmd.Args = args(1, 1, subscriptionArgument)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[subscriptionResult](cmd.Context(), c, http.MethodPost, subscriptionPath(args[0])+"/resend", nil)
		if err != nil {
			return fmt.Errorf("subscription resend: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		c.note("%s was asked by letter: open its link, or: oarlock subscription confirm TOKEN", r.Receiver)
		return nil
	}
	return cmd
}

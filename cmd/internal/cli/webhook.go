package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oarlock/oarlock/index"
)

func newWebhook(c *console) *cobra.Command {
	return parent("webhook", "Have a URL called when something happens",
		newWebhookAdd(c), newWebhookList(c), newWebhookTest(c), newWebhookDeliveries(c), newWebhookReplay(c), newWebhookRemove(c), newWebhookRotate(c))
}

// webhookArgument is what a verb says that it expects of a webhook.
const webhookArgument = "the id of a webhook, as webhook list shows it"

func webhookPath(id string) string { return "/webhooks/" + url.PathEscape(id) }

// scopeFlags are those that say what somebody is told of.
func scopeFlags(f *pflag.FlagSet, q *index.SubscriptionScope) {
	f.StringSliceVar(&q.Events, "events", nil, "`EVENTS` such as plugin.published,plugin.version.*; all without it")
	f.StringVar(&q.Publisher, "publisher", "", "those of one `PUBLISHER` and its plugins")
	f.StringVar(&q.Plugin, "plugin", "", "those of one `PLUGIN`")
	f.StringVar(&q.Tenant, "tenant", "", "those of the plugins that this `TENANT` has")
}

// scopeText is what a subscription is about, and of which events.
func scopeText(s index.SubscriptionScope) (about, events string) {
	about = "everything"
	for _, one := range []struct{ what, name string }{{"publisher", s.Publisher}, {"plugin", s.Plugin}, {"tenant", s.Tenant}} {
		if one.name != "" {
			about = one.what + " " + one.name
		}
	}
	return about, strings.Join(s.Events, ",")
}

// createdWebhook is a webhook on the only occasion that its secret is shown.
type createdWebhook struct{ index.CreatedWebhook }

// text is the secret alone, so that it can be piped; the rest is told beside.
func (r createdWebhook) text(w io.Writer) error { return writeLine(w, "%s", r.Secret) }

func newWebhookAdd(c *console) *cobra.Command {
	var q index.NewWebhook
	cmd := verb("add URL", "Have a URL called when something happens, and show the secret once",
		"Events are sent as CloudEvents, and signed by Standard Webhooks with the secret, which is printed. You are told\n"+
			"of what you may pull when it is sent, and of all events without --events.",
		"oarlock webhook add https://ci.example.org/hooks/oarlock --events plugin.published,plugin.emergency.*",
		"oarlock webhook add https://ci.example.org/hooks/oarlock --plugin acme/hello --output json")
	cmd.Args = args(1, 1, "a URL such as https://ci.example.org/hooks/oarlock")
	scopeFlags(cmd.Flags(), &q.SubscriptionScope)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q.URL = args[0]
		r, err := call[createdWebhook](cmd.Context(), c, http.MethodPost, "/webhooks", q)
		if err != nil {
			return fmt.Errorf("webhook add: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		c.note("webhook %s: its secret is not shown again; try it: oarlock webhook test %s", r.ID, r.ID)
		return nil
	}
	return cmd
}

type webhookList struct{ index.WebhookList }

func (r webhookList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no webhooks")
	}
	return table(w, func(row func(...string)) {
		row("ID", "URL", "STATE", "FAILURES", "NEXT CALL", "ABOUT", "EVENTS")
		for _, one := range r.Items {
			first := []string{one.ID, one.URL, one.State, strconv.Itoa(one.Failures), instant(one.NextAt, "-")}
			if len(one.Subscriptions) == 0 {
				row(append(first, "nothing", "-")...)
			}
			for i, s := range one.Subscriptions {
				if i > 0 {
					first = []string{"", "", "", "", ""}
				}
				about, events := scopeText(s.SubscriptionScope)
				row(append(first, about, events)...)
			}
		}
	})
}

func newWebhookList(c *console) *cobra.Command {
	cmd := verb("list", "List your webhooks", "With their state and what each is told of. No secret is among it.",
		"oarlock webhook list", "oarlock webhook list --output json")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[webhookList](cmd.Context(), c, http.MethodGet, "/webhooks", nil)
		if err != nil {
			return fmt.Errorf("webhook list: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

type webhookTest struct{ index.WebhookTest }

func (r webhookTest) text(w io.Writer) error {
	took := time.Duration(r.TookMS) * time.Millisecond
	if r.OK {
		return writeLine(w, "it answered %d after %s to event %s", r.Status, took, r.Event)
	}
	if err := writeLine(w, "event %s was not taken: %s", r.Event, r.Reason); err != nil || r.Answer == "" {
		return err
	}
	return writeLine(w, "  its answer: %s", r.Answer)
}

func newWebhookTest(c *console) *cobra.Command {
	cmd := verb("test ID", "Call a webhook now",
		"Sends an event of the type dev.oarlock.webhook.tested.v1. One that takes it is no longer counted as failing or\n"+
			"gone. Exit code 1 where it does not.",
		"oarlock webhook test wh_4f1c2a9d0b7e")
	cmd.Args = args(1, 1, webhookArgument)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[webhookTest](cmd.Context(), c, http.MethodPost, webhookPath(args[0])+"/test", nil)
		if err != nil {
			return fmt.Errorf("webhook test: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if !r.OK {
			return errReported
		}
		return nil
	}
	return cmd
}

func newWebhookReplay(c *console) *cobra.Command {
	return c.replay(verb("replay ID [DELIVERY…]", "Tell a webhook again",
		"Deliveries that ended are made again, with the ids that they had: those that are named, or all that are dead.",
		"oarlock webhook replay wh_4f1c2a9d0b7e", "oarlock webhook replay wh_4f1c2a9d0b7e dl_0b7e4f1c2a9d"), "webhook", webhookArgument, webhookPath)
}

func newSubscriptionReplay(c *console) *cobra.Command {
	return c.replay(verb("replay ID [DELIVERY…]", "Tell the receiver of a subscription again",
		"Deliveries that ended are made again, to the address or the webhook: those that are named, or all that are dead. A letter\n"+
			"that is sent again is the same one for a mail program.",
		"oarlock subscription replay sub_4f1c2a9d0b7e", "oarlock subscription replay sub_4f1c2a9d0b7e dl_0b7e4f1c2a9d"),
		"subscription", subscriptionArgument, subscriptionPath)
}

// replay has cmd make deliveries again of what its first argument names.
func (c *console) replay(cmd *cobra.Command, group, named string, at func(id string) string) *cobra.Command {
	cmd.Args = args(1, -1, named+", and ids of deliveries, as "+group+" deliveries shows them")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[replayed](cmd.Context(), c, http.MethodPost, at(args[0])+"/replay", index.ReplayRequest{Deliveries: args[1:]})
		if err != nil {
			return fmt.Errorf("%s replay: %w", group, err)
		}
		return c.print(r)
	}
	return cmd
}

type replayed struct{ index.Replayed }

func (r replayed) text(w io.Writer) error {
	if r.Deliveries == 0 {
		return writeLine(w, "no delivery is dead: nothing is made again")
	}
	return writeLine(w, "made again: %d", r.Deliveries)
}

func newWebhookRemove(c *console) *cobra.Command {
	cmd := verb("remove ID", "Remove a webhook", "With its subscriptions, its deliveries and what waits for it.", "oarlock webhook remove wh_4f1c2a9d0b7e --yes")
	cmd.Args = args(1, 1, webhookArgument)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodDelete, webhookPath(args[0]), nil, "removed webhook "+args[0])
	}
	return c.confirmed(cmd, func(args []string) string {
		return "this removes the webhook " + args[0] + " with its subscriptions and what waits for it"
	})
}

func newWebhookRotate(c *console) *cobra.Command {
	cmd := verb("rotate ID", "Give a webhook a new secret, and show it once",
		"For 24 hours what is sent is signed by the secret before too: give the new one to the receiver meanwhile.",
		"oarlock webhook rotate wh_4f1c2a9d0b7e --yes")
	cmd.Args = args(1, 1, webhookArgument)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[createdWebhook](cmd.Context(), c, http.MethodPost, webhookPath(args[0])+"/rotate", nil)
		if err != nil {
			return fmt.Errorf("webhook rotate: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		c.note("webhook %s: the new secret is not shown again; the one before signs too until %s", r.ID, instant(r.OldUntil, "now"))
		return nil
	}
	return c.confirmed(cmd, func(args []string) string {
		return "this ends the secret of the webhook " + args[0] + " in 24 hours, and one that was rotated before at once"
	})
}

package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

type deliveryList struct {
	Items []index.Delivery `json:"items"`
	// More says that there are older ones.
	More bool `json:"more"`
}

func (r deliveryList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no deliveries")
	}
	return table(w, func(row func(...string)) {
		row("ID", "EVENT", "SUBJECT", "STATE", "ATTEMPTS", "STATUS", "TRIED", "NEXT", "WHY")
		for _, d := range r.Items {
			row(d.ID, shortEvent(d.Type), d.Subject, d.State, strconv.Itoa(d.Attempts), statusText(d.Status),
				instant(d.TriedAt, "-"), instant(d.NextAt, "-"), short(d.Reason, 60))
		}
	})
}

func statusText(status int) string {
	if status == 0 {
		return "-"
	}
	return strconv.Itoa(status)
}

type deliveryDetail struct{ index.DeliveryDetail }

func (r deliveryDetail) text(w io.Writer) error {
	if err := writeLine(w, "delivery %s of %s (event %s, %s) is %s", r.ID, r.Subject, r.Event, r.Type, r.State); err != nil || len(r.Tries) == 0 {
		return err
	}
	return table(w, func(row func(...string)) {
		row("ATTEMPT", "AT", "TOOK", "STATUS", "WHY", "ANSWER")
		for _, a := range r.Tries {
			row(strconv.Itoa(a.Number), instant(&a.At, "-"), (time.Duration(a.TookMS) * time.Millisecond).String(), statusText(a.Status), a.Reason, short(a.Answer, 60))
		}
	})
}

// mostPerPage is how many deliveries the API gives at once.
const mostPerPage = 100

func newWebhookDeliveries(c *console) *cobra.Command {
	return c.listDeliveries(verb("deliveries ID [DELIVERY]", "List what a webhook was told, or show one delivery with its attempts",
		"The newest first; those that were tried at least once, and dead ones. They are kept for 14 days.",
		"oarlock webhook deliveries wh_4f1c2a9d0b7e --state dead", "oarlock webhook deliveries wh_4f1c2a9d0b7e dl_0b7e4f1c2a9d --output json"),
		"webhook", webhookArgument, webhookPath)
}

func newSubscriptionDeliveries(c *console) *cobra.Command {
	return c.listDeliveries(verb("deliveries ID [DELIVERY]", "List what the receiver of a subscription was told, or show one delivery with its attempts",
		"Of an address or a webhook, also because of your other subscriptions to the same: the newest first; those that were tried\n"+
			"at least once, and dead ones. They are kept for 14 days.",
		"oarlock subscription deliveries sub_4f1c2a9d0b7e --state dead", "oarlock subscription deliveries sub_4f1c2a9d0b7e dl_0b7e4f1c2a9d --output json"),
		"subscription", subscriptionArgument, subscriptionPath)
}

// listDeliveries has cmd list the deliveries of what its first argument names.
func (c *console) listDeliveries(cmd *cobra.Command, group, named string, at func(id string) string) *cobra.Command {
	var state string
	var limit int
	cmd.Args = args(1, 2, named+", and the id of one delivery or none")
	cmd.Flags().StringVar(&state, "state", "", "waiting, delivered or dead; all without it")
	cmd.Flags().IntVar(&limit, "limit", 50, "how `MANY` are listed at most")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := at(args[0]) + "/deliveries"
		if len(args) == 2 {
			r, err := call[deliveryDetail](cmd.Context(), c, http.MethodGet, path+"/"+url.PathEscape(args[1]), nil)
			if err != nil {
				return fmt.Errorf("%s deliveries: %w", group, err)
			}
			return c.print(r)
		}
		if limit < 1 {
			return usagef("--limit %d: expected 1 or more", limit)
		}
		r, err := c.deliveries(cmd, path, state, limit)
		if err != nil {
			return fmt.Errorf("%s deliveries: %w", group, err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if r.More {
			c.note("there are older ones: give a higher --limit than %d", limit)
		}
		return nil
	}
	return cmd
}

// deliveries asks page after page until there are so many.
func (c *console) deliveries(cmd *cobra.Command, path, state string, limit int) (deliveryList, error) {
	out := deliveryList{Items: []index.Delivery{}}
	q := url.Values{}
	if state != "" {
		q.Set("state", state)
	}
	for {
		q.Set("limit", strconv.Itoa(min(limit-len(out.Items), mostPerPage)))
		page, err := call[index.DeliveryPage](cmd.Context(), c, http.MethodGet, path+"?"+q.Encode(), nil)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, page.Items...)
		out.More = page.NextCursor != ""
		if !out.More || len(page.Items) == 0 || len(out.Items) >= limit || page.NextCursor == q.Get("cursor") {
			return out, nil
		}
		q.Set("cursor", page.NextCursor)
	}
}

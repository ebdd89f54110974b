package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

func publisherPath(name, more string) string {
	return "/publishers/" + url.PathEscape(name) + more
}

// publisherResult is the record of a publisher.
type publisherResult struct{ index.Publisher }

func (r publisherResult) text(w io.Writer) error {
	err := table(w, func(row func(...string)) {
		writePairs(row, "publisher", r.Name, "verified", verifiedText(r.Verified), "owners", strings.Join(r.Owners, ", "), "closed", day(r.ClosedAt, ""),
			"ledger", fmt.Sprintf("%s, %d statements, head %s", r.Ledger.Reference, r.Ledger.Sequence, r.Ledger.Head), "platform", r.Ledger.Platform)
	})
	if err == nil && len(r.Keys) > 0 {
		err = table(w, func(row func(...string)) {
			row("KEY", "FROM", "REVOKED FROM", "ID")
			for _, k := range r.Keys {
				row(k.Name, day(&k.From, ""), day(k.RevokedFrom, "-"), k.ID)
			}
		})
	}
	for _, p := range r.Problems {
		_ = writeLine(w, "! %s: %s", p.Code, p.Detail)
	}
	return err
}

func verifiedText(v *index.VerifiedBy) string {
	if v == nil {
		return "no"
	}
	text := "by " + v.Evidence
	for _, s := range []string{v.Domain, v.Issuer, v.Claim, v.Note} {
		if s != "" {
			text += " " + s
		}
	}
	return text + ", " + day(&v.At, "") + ", " + v.By
}

// shownPublisher is a publisher's record, with its settings and members for
// those who may see them.
type shownPublisher struct {
	*index.NamespaceDetail
	Record *index.Publisher `json:"record,omitempty"`
}

func (r shownPublisher) text(w io.Writer) error {
	if r.NamespaceDetail != nil {
		if err := (namespaceDetail{*r.NamespaceDetail}).text(w); err != nil {
			return err
		}
	}
	if r.Record == nil {
		return nil
	}
	return publisherResult{*r.Record}.text(w)
}

func newPublisherShow(c *console) *cobra.Command {
	cmd := verb("show NAMESPACE", "Show a publisher",
		"Its record as its ledger says it: keys, by what it is verified, how far the ledger goes. Who may see\n"+
			"them is shown the settings and members of the namespace too.", "oarlock publisher show acme")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := c.showPublisher(cmd.Context(), args[0])
		if err != nil {
			return fmt.Errorf("publisher show: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// showPublisher asks for both halves; one is enough.
func (c *console) showPublisher(ctx context.Context, name string) (shownPublisher, error) {
	var r shownPublisher
	detail, err := call[index.NamespaceDetail](ctx, c, http.MethodGet, namespacePath(name, ""), nil)
	if err == nil {
		r.NamespaceDetail = &detail
	} else if !errors.Is(err, artifact.ErrDenied) && !errors.Is(err, artifact.ErrNotFound) {
		return r, err
	}
	record, missing := call[index.Publisher](ctx, c, http.MethodGet, publisherPath(name, ""), nil)
	switch {
	case missing == nil:
		r.Record = &record
	case !errors.Is(missing, artifact.ErrNotFound):
		return r, missing
	case r.NamespaceDetail == nil:
		return r, err
	}
	return r, nil
}

// historyResult is a ledger, the oldest statement first.
type historyResult struct {
	Items []index.LedgerStatement `json:"items"`
}

func (r historyResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("SEQ", "TIME", "KIND", "ACTOR", "ROLE", "WHAT")
		for _, s := range r.Items {
			body, err := json.Marshal(s.Body)
			if err != nil {
				body = nil
			}
			row(strconv.Itoa(s.Sequence), day(&s.At, ""), s.Kind, s.Actor, s.Role, short(string(body), 100))
		}
	})
}

func newPublisherHistory(c *console) *cobra.Command {
	cmd := verb("history NAMESPACE", "Show the ledger of a publisher",
		"Every statement that holds, the oldest first: who did what, when and in what right.", "oarlock publisher history acme", "oarlock publisher history acme --output json")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r := historyResult{Items: []index.LedgerStatement{}}
		for after := 0; ; {
			page, err := call[index.LedgerPage](cmd.Context(), c, http.MethodGet, publisherPath(args[0], "/ledger?limit=500&after="+strconv.Itoa(after)), nil)
			if err != nil {
				return fmt.Errorf("publisher history: %w", err)
			}
			r.Items = append(r.Items, page.Items...)
			if after = page.Next; after == 0 {
				return c.print(r)
			}
		}
	}
	return cmd
}

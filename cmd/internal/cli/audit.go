package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// auditResult is a part of the audit log.
type auditResult struct{ index.AuditPage }

func (r auditResult) text(w io.Writer) error {
	err := table(w, func(row func(...string)) {
		row("SEQ", "AT", "ACTOR", "ACTION", "RESOURCE", "OUTCOME", "AFTER")
		for _, a := range r.Items {
			row(strconv.FormatInt(a.Seq, 10), a.At.UTC().Format("2006-01-02T15:04:05Z"), a.Actor, a.Action, a.Resource, a.Outcome, cmp.Or(string(a.After), a.Reason))
		}
	})
	if err == nil && r.Next > 0 {
		err = writeLine(w, "more: --before %d", r.Next)
	}
	return err
}

func newAudit(c *console) *cobra.Command {
	return parent("audit", "Read and verify what was done", newAuditList(c), newAuditVerify(c))
}

func newAuditList(c *console) *cobra.Command {
	filters := map[string]*string{}
	cmd := verb("list", "Read the audit log", "The newest rows first. It takes an admin or operator; owners see what was done to their namespace.",
		"oarlock audit list --limit 20", "oarlock audit list --action plugin:publish --since 2026-01-01T00:00:00Z --output json", "oarlock audit list --namespace acme")
	cmd.Args = args(0, 0, "none")
	for name, about := range map[string]string{
		"namespace": "what was done to this `NAMESPACE` itself", "actor": "by this `PRINCIPAL`", "action": "this `ACTION`, such as plugin:publish",
		"resource": "to this `RESOURCE`, such as \"repository acme/hello\"", "since": "from this `TIME` on", "until": "before this `TIME`",
		"before": "rows before this `SEQ`", "limit": "how many `ROWS` at most",
	} {
		filters[name] = cmd.Flags().String(name, "", about)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := url.Values{}
		for name, value := range filters {
			if *value != "" {
				q.Set(name, *value)
			}
		}
		r, err := call[auditResult](cmd.Context(), c, http.MethodGet, "/audit?"+q.Encode(), nil)
		if err != nil {
			return fmt.Errorf("audit list: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// auditVerdict says whether the log is what was written.
type auditVerdict struct{ index.AuditVerdict }

func (r auditVerdict) text(w io.Writer) error {
	if r.Holds {
		return writeLine(w, "the log holds: %s", r.Head)
	}
	return writeLine(w, "the log does not hold: %s", r.Detail)
}

func newAuditVerify(c *console) *cobra.Command {
	var head string
	cmd := verb("verify", "Hold the audit log to its chain of hashes",
		"Prints the last row as seq:hash. Keep it elsewhere: given again with --head it proves that nothing\n"+
			"before it was changed or cut off. A log that does not hold is exit code 12.",
		"oarlock audit verify", "oarlock audit verify --head 4711:9f2c…")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().StringVar(&head, "head", "", "`SEQ:HASH` that an earlier verification printed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[auditVerdict](cmd.Context(), c, http.MethodGet, "/audit/verify?"+url.Values{"head": {head}}.Encode(), nil)
		if err != nil {
			return fmt.Errorf("audit verify: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if !r.Holds {
			return kinded{errReported, artifact.ErrUnverified}
		}
		return nil
	}
	return cmd
}

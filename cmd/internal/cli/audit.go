package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// auditResult is a part of the audit log.
type auditResult struct{ index.AuditPage }

func (r auditResult) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "nothing in the log fits")
	}
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
	return parent("audit", "Search, export and verify what was done", newAuditSearch(c), newAuditExport(c), newAuditVerify(c))
}

// auditFilters are the flags by which rows are found.
func auditFilters(cmd *cobra.Command, more map[string]string) func(now time.Time) (url.Values, error) {
	filters := map[string]*string{}
	about := map[string]string{
		"namespace": "what was done to this `NAMESPACE` and what is in it", "actor": "who: by this `PRINCIPAL`, such as person:ada",
		"action": "what: this `ACTION`, such as plugin:publish", "resource": "to this `RESOURCE`, such as \"repository acme/hello\"",
		"outcome": "`OUTCOME`: allowed, denied, failed or \"could not tell\"",
		"since":   "from this `TIME` on: 2026-01-31, an RFC 3339 time, today, yesterday, or how long ago (36h, 7d)", "until": "before this `TIME`, as --since",
	}
	maps.Copy(about, more)
	for name, what := range about {
		filters[name] = cmd.Flags().String(name, "", what)
	}
	return func(now time.Time) (url.Values, error) {
		q := url.Values{}
		for name, value := range filters {
			if *value == "" {
				continue
			}
			if name == "since" || name == "until" {
				at, err := parsePast(*value, now)
				if err != nil {
					return nil, usagef("--%s %q: %s", name, *value, err)
				}
				*value = at.UTC().Format(time.RFC3339Nano)
			}
			q.Set(name, *value)
		}
		return q, nil
	}
}

// parsePast reads a time that is over: RFC 3339, a day, today, yesterday, or how long ago.
// Days begin at midnight where now is.
func parsePast(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, now.Location()); err == nil {
		return t, nil
	}
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	text, unit := s, time.Duration(1)
	for ending, days := range map[string]time.Duration{"d": 1, "w": 7} {
		if n, ok := strings.CutSuffix(s, ending); ok {
			text, unit = n+"h", 24*days
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 100*366*24*time.Hour/unit {
		return time.Time{}, errors.New("expected a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, today, yesterday, or how long ago, such as 36h or 7d")
	}
	return now.Add(-d * unit), nil
}

func newAuditSearch(c *console) *cobra.Command {
	cmd := verb("search", "Search the audit log",
		"By who, what, when, to what and how it ended; the newest rows first, a page at a time. It takes an admin or operator;\n"+
			"owners see what was done in their namespace.",
		"oarlock audit search --limit 20", "oarlock audit search --namespace acme --since yesterday",
		"oarlock audit search --action plugin:publish --since 2026-01-01 --until 7d --output json", "oarlock audit search --outcome denied --actor person:eve")
	cmd.Aliases = []string{"list"}
	cmd.Args = args(0, 0, "none")
	filters := auditFilters(cmd, map[string]string{"before": "rows before this `SEQ`, as the page before said",
		"limit": "how many `ROWS` at most, 100 unless said, up to 1000"})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := filters(time.Now())
		if err != nil {
			return err
		}
		r, err := call[auditResult](cmd.Context(), c, http.MethodGet, "/audit?"+q.Encode(), nil)
		if err != nil {
			return fmt.Errorf("audit search: %w", err)
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

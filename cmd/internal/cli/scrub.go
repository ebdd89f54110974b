package cli

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// scrubResult is a pass over everything stored, and what it found.
type scrubResult struct {
	index.Scrub
	Found       []index.Damage      `json:"found"`
	Quarantined []index.Quarantined `json:"quarantined,omitempty"`
}

func (r scrubResult) text(w io.Writer) error {
	if len(r.Found) > 0 {
		if err := damageTable(w, r.Found); err != nil {
			return err
		}
	}
	if len(r.Quarantined) > 0 {
		err := table(w, func(row func(...string)) {
			row("QUARANTINED", "SINCE", "WHAT")
			for _, q := range r.Quarantined {
				row(q.Digest, q.At.Format(time.RFC3339), q.What)
			}
		})
		if err != nil {
			return err
		}
	}
	when := "no pass has ended yet"
	if r.FinishedAt != nil {
		when = "the last whole pass ended " + r.FinishedAt.Format(time.RFC3339)
	}
	if r.Running {
		when = "a pass is not finished; " + when
	}
	return writeLine(w, "%d blobs, %s read: %d damaged, %d mended; %s", r.Blobs, byteCount(r.Bytes), r.Damaged, r.Mended, when)
}

func newScrub(c *console) *cobra.Command {
	var status bool
	cmd := verb("scrub", "Hash all stored bytes again, and quarantine what is damaged",
		"Runs by itself on a schedule (scrub.every); this begins a pass now, or goes on with one that was ended.\n"+
			"What is damaged is refused from then on, and mended from memory or a mirror of repair_from. With --status\n"+
			"it only says how far the last pass came and what is in quarantine. Damage is exit code 1; 3 where a part of it\n"+
			"was mended, 0 where all was.",
		"oarlock scrub", "oarlock scrub --status --output json --server https://plugins.example.org")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().BoolVar(&status, "status", false, "say how far the last pass came; read nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if status {
			s, err := call[index.ScrubStatus](cmd.Context(), c, http.MethodGet, "/admin/scrub", nil)
			if err != nil {
				return fmt.Errorf("scrub: %w", err)
			}
			return c.print(scrubResult(s))
		}
		r := scrubResult{Found: []index.Damage{}}
		found := func(d index.Damage) { r.Found = append(r.Found, d) }
		err := c.damages(cmd.Context(), http.MethodPost, "/admin/scrub", "scrub", &r.Scrub, found, func(p index.Scrub) {
			r.Scrub = p
			c.scrubbing(p)
		})
		if c.terminal() {
			fmt.Fprintln(c.Err)
		}
		if err != nil {
			return fmt.Errorf("scrub: after %d blobs, the next one goes on there: %w", r.Blobs, err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		return verdict(r.Found)
	}
	return decides(cmd, nil)
}

// scrubbing draws how far a scrub is, on a terminal.
func (c *console) scrubbing(s index.Scrub) {
	if c.terminal() {
		fmt.Fprintf(c.Err, "\r%d blobs, %s, %d damaged", s.Blobs, byteCount(s.Bytes), s.Damaged)
	}
}

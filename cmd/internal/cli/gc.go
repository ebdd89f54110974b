package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// gcResult is what a collection did, or would do, and each of its decisions.
type gcResult struct {
	Items  []index.Garbage  `json:"items"`
	Report index.Collection `json:"report"`
}

func (r gcResult) text(w io.Writer) error {
	if len(r.Items) > 0 {
		if err := table(w, func(row func(...string)) {
			row("DECISION", "KIND", "REPOSITORY", "DIGEST", "BYTES", "REASON")
			for _, i := range r.Items {
				row(i.Decision, i.Kind, i.Repository, i.Digest, strconv.FormatInt(i.Size, 10), i.Reason)
			}
		}); err != nil {
			return err
		}
	}
	did := "removed"
	if r.Report.DryRun {
		did = "would remove"
	}
	p := r.Report
	return writeLine(w, fmt.Sprintf("%d repositories: %s %d manifests and %d blobs (%d bytes), set aside %d and %d, kept %d and %d, damaged %d",
		p.Repositories, did, p.ManifestsRemoved, p.BlobsRemoved, p.BytesFreed, p.ManifestsSetAside, p.BlobsSetAside, p.ManifestsKept, p.BlobsKept, len(p.Damaged)))
}

func newGC(c *console) *cobra.Command {
	var dryRun bool
	cmd := verb("gc", "Remove what nothing reaches any more",
		"Runs while the server serves. What nothing reaches is set aside first, and removed by a later run once the\n"+
			"grace period is over; what somebody reads meanwhile comes back. With --dry-run nothing changes, and every\n"+
			"item is listed with the reason why it stays or goes. Damage is exit code 3: the rest was collected.",
		"oarlock gc --dry-run", "oarlock gc --output json --server https://plugins.example.org")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would go and why; remove nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := c.gc(cmd.Context(), dryRun)
		if err != nil {
			return fmt.Errorf("gc: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if len(r.Report.Damaged) > 0 {
			return kinded{errReported, errPartial}
		}
		return nil
	}
	return c.checked(cmd, func([]string) string {
		if dryRun {
			return ""
		}
		return "this removes for good what nothing reaches and whose grace period is over"
	})
}

// gc reads the lines of the answer; without the last one the run did not end.
func (c *console) gc(ctx context.Context, dryRun bool) (r gcResult, err error) {
	r.Items = []index.Garbage{}
	resp, err := c.admin(ctx, http.MethodPost, "/admin/gc?dry_run="+strconv.FormatBool(dryRun), nil)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	err = answerLines(ctx, resp, "collection", "report", &r.Report, func(_ answerLine, raw []byte) error {
		var g index.Garbage
		err := client.DecodeAnswer(raw, &g)
		r.Items = append(r.Items, g)
		return err
	})
	return r, err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// fsckResult is everything stored that is damaged.
type fsckResult struct {
	Damaged []index.Damage `json:"damaged"`
}

func (r fsckResult) text(w io.Writer) error {
	if len(r.Damaged) == 0 {
		return writeLine(w, "everything stored is whole")
	}
	return damageTable(w, r.Damaged)
}

func damageTable(w io.Writer, all []index.Damage) error {
	return table(w, func(row func(...string)) {
		row("REPOSITORY", "TAG", "DIGEST", "WHAT", "MENDED", "PATH")
		for _, d := range all {
			row(d.Repository, d.Tag, d.Digest, d.What, d.Mended, d.Path)
		}
	})
}

// mended counts what is whole again.
func mended(all []index.Damage) (n int) {
	for _, d := range all {
		if d.Mended != "" {
			n++
		}
	}
	return n
}

// verdict is 0 where all is whole, 3 where some of it was mended, else 1.
func verdict(all []index.Damage) error {
	switch n := mended(all); {
	case n == len(all):
		return nil
	case n > 0:
		return kinded{errReported, errPartial}
	}
	return errReported
}

func newFsck(c *console) *cobra.Command {
	var repair bool
	cmd := verb("fsck", "Read and hash everything stored, and name the damage",
		"Runs while the server serves. With --repair it fixes what it can: damaged bytes go into quarantine and come back\n"+
			"from memory or from a mirror of repair_from, links are written anew from manifests. A tag is never guessed.\n"+
			"It may be interrupted and run again. Damage is exit code 1; 3 where a part of it was mended, 0 where all was.",
		"oarlock fsck", "oarlock fsck --repair", "oarlock fsck --output json --server https://plugins.example.org")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().BoolVar(&repair, "repair", false, "fix what can be fixed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		method, path := http.MethodGet, "/admin/fsck"
		if repair {
			method, path = http.MethodPost, "/admin/repair"
		}
		r := fsckResult{Damaged: []index.Damage{}}
		var told int
		err := c.damages(cmd.Context(), method, path, "damaged", &told, func(d index.Damage) { r.Damaged = append(r.Damaged, d) }, func(index.Scrub) {})
		if err == nil && told != len(r.Damaged) {
			err = &client.AnswerError{Detail: fmt.Sprintf("it names %d that are damaged, and ends with %d", len(r.Damaged), told)}
		}
		if err != nil {
			return fmt.Errorf("fsck: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		return verdict(r.Damaged)
	}
	return decides(cmd, nil)
}

// damages reads the lines of a check, and what its last one has under key into
// last: without that line the check did not end.
func (c *console) damages(ctx context.Context, method, path, key string, last any, found func(index.Damage), progress func(index.Scrub)) (err error) {
	resp, err := c.admin(ctx, method, path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	return answerLines(ctx, resp, "check", key, last, func(line answerLine, raw []byte) error {
		if line["progress"] == nil {
			var d index.Damage
			err := client.DecodeAnswer(raw, &d)
			if err == nil {
				found(d)
			}
			return err
		}
		var p index.Scrub
		err := line.part("progress", &p)
		if err == nil {
			progress(p)
		}
		return err
	})
}

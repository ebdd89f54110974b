package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// fsckResult is everything stored that is damaged.
type fsckResult struct {
	Damaged []damage `json:"damaged"`
}

type damage struct {
	Repository string `json:"repository,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Tag        string `json:"tag,omitempty"`
	Path       string `json:"path"`
	What       string `json:"what"`
}

func (r fsckResult) text(w io.Writer) error {
	if len(r.Damaged) == 0 {
		return sentence(w, "everything stored is whole")
	}
	return table(w, func(row func(...string)) {
		row("REPOSITORY", "TAG", "DIGEST", "WHAT", "PATH")
		for _, d := range r.Damaged {
			row(d.Repository, d.Tag, d.Digest, d.What, d.Path)
		}
	})
}

func newFsck(c *console) *cobra.Command {
	cmd := verb("fsck", "Read and hash everything stored, and name the damage",
		"Runs while the server serves. Damage is exit code 1.",
		"oarlock fsck", "oarlock fsck --output json --server https://plugins.example.org")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := c.fsck(cmd.Context())
		if err != nil {
			return fmt.Errorf("fsck: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if len(r.Damaged) > 0 {
			return errReported
		}
		return nil
	}
	return cmd
}

// fsck reads the lines of the answer; without the last one the check did not end.
func (c *console) fsck(ctx context.Context) (r fsckResult, err error) {
	r.Damaged = []damage{}
	resp, err := c.admin(ctx, http.MethodGet, "/admin/fsck", nil)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		var line struct {
			damage
			Done  bool           `json:"done"`
			Error *index.Problem `json:"error"`
		}
		switch err := json.Unmarshal(lines.Bytes(), &line); {
		case err != nil:
			return r, fmt.Errorf("answer: %w", err)
		case line.Error != nil:
			return r, line.Error
		case line.Done:
			return r, nil
		}
		r.Damaged = append(r.Damaged, line.damage)
	}
	return r, errors.Join(errors.New("the answer ended before the check did"), lines.Err(), io.ErrUnexpectedEOF)
}

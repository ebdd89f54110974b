package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/client"
)

// outdatedResult is what has newer versions.
type outdatedResult struct {
	Outdated []client.Outdated `json:"outdated"`
}

func (r outdatedResult) text(w io.Writer) error {
	if len(r.Outdated) == 0 {
		return writeLine(w, "nothing is outdated")
	}
	return table(w, func(row func(...string)) {
		row("PLUGIN", "CURRENT", "WANTED", "LATEST")
		for _, o := range r.Outdated {
			row(o.ID.String(), o.Current, orDash(o.Wanted), orDash(o.Latest))
		}
	})
}

func newOutdated(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("outdated --dir D", "List what has newer versions",
		"WANTED is what \"oarlock update\" would bring, LATEST the newest for the host, whatever the ranges say.\n"+
			"Nothing is pulled or changed. The exit code is 0 either way.",
		"oarlock outdated --dir ./plugins", "oarlock outdated --dir ./plugins --output json")
	cmd.Args = args(0, 0, "none")
	store.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := store.openPlanning(cmd.Context(), c)
		if err != nil {
			return err
		}
		all, err := s.Outdated(cmd.Context())
		if err != nil {
			return err
		}
		return c.print(outdatedResult{all})
	}
	return cmd
}

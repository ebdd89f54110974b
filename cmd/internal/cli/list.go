package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/client"
)

// listResult is what is active in a store.
type listResult struct {
	Installed []client.Installed `json:"installed"`
}

func (r listResult) text(w io.Writer) error {
	if len(r.Installed) == 0 {
		return writeLine(w, "nothing is installed")
	}
	return table(w, func(row func(...string)) {
		row("PLUGIN", "VERSION", "SIGNATURE", "DIR")
		for _, i := range r.Installed {
			row(i.ID.String(), i.Version.String(), signatureText(i.Signature), i.Dir)
		}
	})
}

func newList(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("list --dir D", "List what is installed", "With the directory that the host loads each plugin from.",
		"oarlock list --dir ./plugins", "oarlock list --dir ./plugins --output json")
	cmd.Args = args(0, 0, "none")
	store.addDir(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := store.open()
		if err != nil {
			return err
		}
		all, err := s.List(cmd.Context())
		if err != nil {
			return err
		}
		if all == nil {
			all = []client.Installed{}
		}
		return c.print(listResult{all})
	}
	return cmd
}

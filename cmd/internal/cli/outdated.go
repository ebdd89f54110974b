package cli

import (
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/client"
)

// outdatedResult is what has newer versions.
type outdatedResult struct {
	Outdated []client.Outdated `json:"outdated"`

	installed []installedResult
	dir       string
}

func (r outdatedResult) text(w io.Writer) error {
	if len(r.Outdated) == 0 {
		return writeLine(w, "nothing is outdated")
	}
	if err := table(w, func(row func(...string)) {
		row("PLUGIN", "CURRENT", "WANTED", "LATEST", "STATE")
		for _, o := range r.Outdated {
			row(o.ID.String(), o.Current, orDash(o.Wanted), orDash(o.Latest), o.State)
		}
	}); err != nil {
		return err
	}
	return tellStandings(w, r.installed, r.dir, nil)
}

func newOutdated(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("outdated --dir D", "List what has newer versions, or may not run any more",
		"WANTED is what \"oarlock update\" would bring, LATEST the newest for the host, whatever the ranges say.\n"+
			"STATE is how the catalog says that the current version stands; what is not active is listed too, with the reason.\n"+
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
		r := outdatedResult{Outdated: all, dir: store.dir}
		there, err := s.List(cmd.Context())
		if err != nil {
			return err
		}
		for _, i := range there {
			if at := slices.IndexFunc(all, func(o client.Outdated) bool { return o.ID == i.ID && o.Current == i.Version.String() }); at >= 0 {
				r.installed = append(r.installed, installedResult{i, &all[at].Standing})
				if version := pin(i.Range); version != "" {
					c.note("%s is pinned to %s: oarlock install %s --dir %s ends that", i.ID, version, i.ID, shellWord(store.dir))
				}
			}
		}
		return c.print(r)
	}
	return cmd
}

package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
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
	for _, o := range r.Outdated {
		if o.Damaged == "" {
			continue
		}
		if err := writeLine(w, "! %s", damagedResult{client.Damaged{ID: o.ID, Version: o.Current, Detail: o.Damaged}, &o.Standing}.text(r.dir)); err != nil {
			return err
		}
	}
	for _, o := range r.Outdated {
		if !goesBack(o.Current, o.Wanted) {
			continue
		}
		if err := writeLine(w, "! %s", goneBack(o.ID, o.Current, o.Wanted)); err != nil {
			return err
		}
	}
	return tellStandings(w, r.installed, r.dir, nil)
}

func newOutdated(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("outdated --dir D", "List what has newer versions, or may not run any more",
		"WANTED is what \"oarlock update\" would bring, LATEST the newest for the host, whatever the ranges say.\n"+
			"STATE is how the catalog says that the current version stands; what is not active is listed too, with the reason.\n"+
			"Nothing is pulled or changed. The exit code is 0 either way, but 12 where files of a plugin are gone or not what\n"+
			"was verified, which is said of each.",
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
		damaged := false
		for n, o := range all {
			damaged = damaged || o.Damaged != ""
			r.installed = append(r.installed, installedResult{client.Installed{ID: o.ID, Version: o.Version, Range: o.Range, RequestedBy: o.RequestedBy}, &all[n].Standing})
			if version := pin(o.Range); version != "" {
				c.note("%s is pinned to %s: oarlock install %s --dir %s ends that", o.ID, version, o.ID, shellWord(store.dir))
			}
		}
		if err := c.print(r); err != nil || !damaged {
			return err
		}
		return kinded{errReported, artifact.ErrUnverified}
	}
	return cmd
}

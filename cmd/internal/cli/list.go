package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/client"
)

// listResult is what is active in a store.
type listResult struct {
	Installed []installedResult `json:"installed"`

	dir string
}

func (r listResult) text(w io.Writer) error {
	if len(r.Installed) == 0 {
		return writeLine(w, "nothing is installed")
	}
	if err := table(w, func(row func(...string)) {
		row("PLUGIN", "VERSION", "SIGNATURE", "STATE", "DIR")
		for _, i := range r.Installed {
			row(i.ID.String(), i.Version.String(), signatureText(i.Signature), i.state(), i.Dir)
		}
	}); err != nil {
		return err
	}
	return tellStandings(w, r.Installed, r.dir, nil)
}

// outcome is the exit code of list --check.
func (r listResult) outcome() error {
	untold := false
	for _, i := range r.Installed {
		if i.Standing == nil || i.State == client.StandingUntold {
			untold = true
		} else if i.Withdrawn() || i.MustStop() {
			return errReported
		}
	}
	if untold {
		return kinded{errReported, errUndecided}
	}
	return nil
}

func newList(c *console) *cobra.Command {
	var store storeFlags
	var offline, check, verify bool
	cmd := verb("list --dir D", "List what is installed, and whether it may still run",
		"With the directory that the host loads each plugin from. The catalog that the store was filled from says how\n"+
			"each version stands now: active, deprecated, yanked, quarantined, removed, suspended, blocked,\n"+
			"emergency-removed; unlisted, unknown to the catalog, or could_not_tell where it does not answer. What is not\n"+
			"active has its reason, since when, and what to do. With --check the exit code is 1 where something was\n"+
			"withdrawn, and 4 where that could not be told. Files that are gone or not what was verified are exit code 12:\n"+
			"names, modes and sizes always, and with --verify every byte.",
		"oarlock list --dir ./plugins", "oarlock list --dir ./plugins --output json", "oarlock list --dir ./plugins --check", "oarlock list --dir ./plugins --offline --verify")
	cmd.Args = args(0, 0, "none")
	store.addDir(cmd.Flags())
	c.addSigned(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "ask nobody; no state is said")
	cmd.Flags().BoolVar(&check, "check", false, "exit code 1 where something was withdrawn, 4 where that could not be told")
	cmd.Flags().BoolVar(&verify, "verify", false, "read every installed file and hold it to the digest that was verified")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if offline && check {
			return usagef("list: --offline and --check exclude each other: nobody is asked, so nothing can be checked")
		}
		s, err := store.open()
		if err != nil {
			return err
		}
		look := s.List
		if verify {
			look = s.Verify
		}
		all, err := look(cmd.Context())
		if err != nil {
			return err
		}
		r := listResult{withStandings(all, nil), store.dir}
		if !offline {
			r = listResult{withStandings(all, store.standings(cmd.Context(), c, all)), store.dir}
		}
		if err := c.print(r); err != nil || !check {
			return err
		}
		return r.outcome()
	}
	return cmd
}

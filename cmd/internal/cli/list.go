package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/client"
)

// listResult is what is active in a store.
type listResult struct {
	Installed []installedResult `json:"installed"`
	Damaged   []damagedResult   `json:"damaged,omitempty"`
	// Lockfile says what is wrong with the store's lock file; "" is nothing.
	Lockfile string `json:"lock_file,omitempty"`

	dir string
}

func (r listResult) text(w io.Writer) error {
	if r.Lockfile != "" {
		if err := writeLine(w, "! %s", r.Lockfile); err != nil {
			return err
		}
	}
	if len(r.Installed)+len(r.Damaged) == 0 {
		return writeLine(w, "nothing is installed")
	}
	if err := tellDamage(w, r.Damaged, r.dir); err != nil || len(r.Installed) == 0 {
		return err
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

// outcome is the exit code; checking is of list --check.
func (r listResult) outcome(checking bool) error {
	var all []*client.Standing
	for _, i := range r.Installed {
		all = append(all, i.Standing)
	}
	for _, d := range r.Damaged {
		all = append(all, d.Standing)
	}
	untold := false
	for _, s := range all {
		switch {
		case !checking:
		case s == nil:
			untold = true
		case s.Withdrawn() || s.MustStop():
			return errReported
		default:
			untold = untold || s.State == client.StandingUntold
		}
	}
	if len(r.Damaged) > 0 || r.Lockfile != "" {
		return kinded{errReported, artifact.ErrUnverified}
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
		r, err := store.listed(cmd.Context(), c, s, look, !offline)
		if err != nil {
			return err
		}
		if err := c.print(r); err != nil {
			return err
		}
		return r.outcome(check)
	}
	return cmd
}

// listed is what look finds in the store, what does not hold of it too, and where
// it is asked, what the catalog says of each.
func (s *storeFlags) listed(ctx context.Context, c *console, at *client.Store,
	look func(context.Context) ([]client.Installed, error), ask bool,
) (listResult, error) {
	all, err := look(ctx)
	bad, some := errors.AsType[*client.DamagedError](err)
	if err != nil && !some {
		return listResult{}, err
	}
	r := listResult{dir: s.dir}
	switch lock := at.CheckLockfile(); {
	case errors.Is(lock, artifact.ErrUnverified):
		r.Lockfile = text(lock)
	case lock != nil:
		return r, lock
	}
	var damaged []client.Damaged
	if some {
		damaged = bad.Damaged
	}
	var said []client.Standing
	if ask {
		said = s.standings(ctx, c, idsOf(all, damaged))
	}
	r.Installed, r.Damaged = withStandings(all, said), withDamage(damaged, said)
	return r, nil
}

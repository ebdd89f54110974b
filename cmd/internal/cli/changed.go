package cli

import (
	"context"
	"io"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// How far what is installed was compared with a host.
const (
	comparedWhole   = "checked"    // with its version
	comparedByName  = "host_named" // by the name of the host alone
	comparedNothing = "unchecked"
)

// changeResult says what a change of the store did.
type changeResult struct {
	*client.Change
	Installed []installedResult `json:"installed"`
	// Compatibility is how far it was compared with the host: checked,
	// host_named or unchecked; absent where nothing was chosen.
	Compatibility string `json:"compatibility,omitempty"`
	// Pinned are plugins that an update leaves at one version.
	Pinned []pinned `json:"pinned,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`

	dir string
}

// A pinned plugin was asked for at one version.
type pinned struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

func (r changeResult) text(w io.Writer) error {
	if err := r.table(w); err != nil {
		return err
	}
	for _, h := range r.Held {
		what := "is not installed"
		if h.Version != "" {
			what = "stays at " + h.Version
		}
		if err := writeLine(w, "! %s %s: %s", h.ID, what, short(h.Reason, 600)); err != nil {
			return err
		}
		if err := tellRemedies(w, r.remedies(h)); err != nil {
			return err
		}
	}
	return tellStandings(w, r.Installed, r.dir, r.Held)
}

func (r changeResult) table(w io.Writer) error {
	for _, id := range r.Restored {
		if err := writeLine(w, "%s: its files were gone, or not what was verified: they came again", id); err != nil {
			return err
		}
	}
	for _, d := range r.Damaged {
		if err := writeLine(w, "! %s", d.Detail); err != nil {
			return err
		}
	}
	if len(r.Changed) == 0 && len(r.Restored)+len(r.Damaged) > 0 {
		return nil
	}
	if len(r.Changed) == 0 {
		return writeLine(w, "nothing to change")
	}
	return table(w, func(row func(...string)) {
		row("PLUGIN", "FROM", "TO")
		for _, m := range r.Changed {
			row(m.ID.String(), orDash(m.From), orDash(m.To))
		}
	})
}

// remedies are what can be done about what did not go along.
func (r changeResult) remedies(h client.Held) []string {
	for _, i := range r.Installed {
		if i.ID == h.ID && i.Standing != nil && len(i.Notices) > 0 {
			n := i.Notices[0]
			n.Actions = slices.DeleteFunc(slices.Clone(n.Actions), func(a string) bool { return a == index.ActionUpdate }) // there is none to take
			return remedies(i.Installed, n, r.dir)
		}
	}
	return nil
}

// print says what a change did, what the catalog says of all that is active
// after it, and what a host should know besides. Where something of what was
// asked, which is everything where nothing is named, did not go along the exit
// code is that of a part.
func (s *storeFlags) print(ctx context.Context, c *console, at *client.Store, r changeResult, asked ...string) error {
	said, err := at.Standings(ctx)
	if len(r.Damaged) > 0 {
		said = nil // they are in the order of all, which Installed is not
	} else if err != nil || len(said) != len(r.Change.Installed) {
		said = nil
		c.note("whether what is installed may still run could not be told")
	}
	r.dir, r.Installed = s.dir, withStandings(r.Change.Installed, said)
	r.Compatibility = c.compared(s.host)
	for _, i := range r.Installed {
		if version := pin(i.Range); version != "" {
			r.Pinned = append(r.Pinned, pinned{i.ID.String(), version})
			c.note("%s is pinned to %s: \"oarlock update\" leaves it there; oarlock install %s --dir %s ends that", i.ID, version, i.ID, shellWord(s.dir))
		}
	}
	if err := c.print(r); err != nil {
		return err
	}
	if len(r.Damaged) > 0 {
		return kinded{errReported, artifact.ErrUnverified}
	}
	if slices.ContainsFunc(r.Held, func(h client.Held) bool { return len(asked) == 0 || slices.Contains(asked, h.ID.String()) }) {
		return kinded{errReported, errPartial}
	}
	return nil
}

// compared says how far the answer was compared with a host, and where it was
// not, what to give.
func (c *console) compared(h hostFlags) string {
	switch {
	case h.host == "":
		c.note("no host was named, so nobody checked whether this fits it: give --host ID --host-version VERSION")
		return comparedNothing
	case h.hostVersion == "":
		c.note("%s has no version here, so only plugins that name it were chosen, whatever versions they need: give --host-version VERSION", h.host)
		return comparedByName
	}
	return comparedWhole
}

package cli

import (
	"context"
	"fmt"
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
	Damaged   []damagedResult   `json:"damaged,omitempty"`
	// Compatibility is how far it was compared with the host: checked,
	// host_named or unchecked; absent where nothing was chosen.
	Compatibility string `json:"compatibility,omitempty"`
	// Pinned are plugins that an update leaves at one version.
	Pinned []pinned `json:"pinned,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`

	update bool // what was asked was to leave what is installed for something newer

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
	if err := tellDamage(w, r.Damaged, r.dir); err != nil {
		return err
	}
	for _, h := range r.Held {
		what := "is not installed"
		if h.Version != "" {
			what = "stays at " + h.Version
		}
		if r.mustStop(h) {
			what += " and must not run any more"
		}
		if err := writeLine(w, "! %s %s: %s", h.ID, what, short(h.Reason, 600)); err != nil {
			return err
		}
		if err := tellRemedies(w, r.remedies(h)); err != nil {
			return err
		}
	}
	for _, line := range r.older() {
		if err := writeLine(w, "! %s", line); err != nil {
			return err
		}
	}
	return tellStandings(w, r.staying(), r.dir, r.Held)
}

// staying are those of what is installed that the change leaves, or would leave, as
// they are.
func (r changeResult) staying() []installedResult {
	if !r.DryRun {
		return r.Installed
	}
	return slices.DeleteFunc(slices.Clone(r.Installed), func(i installedResult) bool {
		return slices.ContainsFunc(r.Changed, func(m client.Moved) bool { return m.ID == i.ID && m.To != i.Version.String() })
	})
}

// older says of each plugin that an update takes, or would take, to an older version that it
// does.
func (r changeResult) older() (lines []string) {
	for _, m := range r.Changed {
		if r.update && goesBack(m.From, m.To) {
			lines = append(lines, goneBack(m.ID, m.From, m.To))
		}
	}
	return lines
}

// goesBack reports whether a version is older than the one before.
func goesBack(from, to string) bool {
	was, err := artifact.ParseVersion(from)
	next, nextErr := artifact.ParseVersion(to)
	return err == nil && nextErr == nil && next.Compare(was) < 0
}

func goneBack(id artifact.Name, from, to string) string {
	return fmt.Sprintf("%s: %s is older than %s, and the newest that is offered now: oarlock why %s says why", id, to, from, id)
}

func (r changeResult) table(w io.Writer) error {
	for _, id := range r.Restored {
		if err := writeLine(w, "%s: its files were gone, or not what was verified: they came again", id); err != nil {
			return err
		}
	}
	for _, one := range r.Ranges {
		if err := writeLine(w, "%s", rangeText(one)); err != nil {
			return err
		}
	}
	switch {
	case len(r.Changed) == 0 && len(r.Restored)+len(r.Damaged)+len(r.Ranges) > 0:
		return nil
	case len(r.Changed) == 0:
		return writeLine(w, "nothing to change")
	}
	return table(w, func(row func(...string)) {
		row("PLUGIN", "FROM", "TO")
		for _, m := range r.Changed {
			row(m.ID.String(), orDash(m.From), orDash(m.To))
		}
	})
}

// rangeText says what is asked of a plugin from now on.
func rangeText(r client.Reranged) string {
	if was := pin(r.From); was != "" && pin(r.To) == "" {
		return fmt.Sprintf("%s is pinned to %s no more: %s is asked for, and oarlock update takes the newest", r.ID, was, anyOf(r.To))
	}
	return fmt.Sprintf("%s: %s is asked for, and was %s", r.ID, anyOf(r.To), anyOf(r.From))
}

func anyOf(rng string) string {
	if rng == "" {
		return "any version"
	}
	return rng
}

// mustStop reports whether what did not go along must not run any more.
func (r changeResult) mustStop(h client.Held) bool {
	return slices.ContainsFunc(r.Installed, func(i installedResult) bool { return i.ID == h.ID && i.Standing != nil && i.MustStop() })
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
	if err != nil {
		said = nil
		c.note("whether what is installed may still run could not be told")
	}
	r.dir, r.Installed, r.Damaged = s.dir, withStandings(r.Change.Installed, said), withDamage(r.Change.Damaged, said)
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
	if r.behind(asked) {
		return kinded{errReported, errPartial}
	}
	return nil
}

// behind reports whether something of what was asked, which is everything where
// nothing is named, did not go along: it was held, or an update found nothing newer
// than a version that was withdrawn.
func (r changeResult) behind(asked []string) bool {
	meant := func(id string) bool { return len(asked) == 0 || slices.Contains(asked, id) }
	return slices.ContainsFunc(r.Held, func(h client.Held) bool { return meant(h.ID.String()) }) ||
		r.update && slices.ContainsFunc(r.staying(), func(i installedResult) bool { return meant(i.ID.String()) && i.Standing != nil && i.Withdrawn() })
}

// printOffline says what a change did that asked nobody, and what the catalog says
// of what is active after it, where it can be asked.
func (s *storeFlags) printOffline(ctx context.Context, c *console, done *client.Change) error {
	said := s.standings(ctx, c, idsOf(done.Installed, done.Damaged))
	r := changeResult{Change: done, Installed: withStandings(done.Installed, said), Damaged: withDamage(done.Damaged, said), dir: s.dir}
	if err := c.print(r); err != nil || len(r.Damaged) == 0 {
		return err
	}
	return kinded{errReported, artifact.ErrUnverified}
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

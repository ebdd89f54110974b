package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// standingTime bounds how long a verb that needs no catalog asks one.
const standingTime = 10 * time.Second

// installedResult is what is installed, with what the catalog says of it now
// where that was asked.
type installedResult struct {
	client.Installed
	*client.Standing
}

// state is the word of a table.
func (i installedResult) state() string {
	if i.Standing == nil {
		return "-"
	}
	return i.State
}

// withStandings are all with what was said of each, which may be nothing.
func withStandings(all []client.Installed, said []client.Standing) []installedResult {
	out := make([]installedResult, len(all))
	for n, one := range all {
		out[n] = installedResult{one, standingOf(one.ID, said)}
	}
	return out
}

// standingOf is what was said of id, or nil.
func standingOf(id artifact.Name, said []client.Standing) *client.Standing {
	if at := slices.IndexFunc(said, func(s client.Standing) bool { return s.Of == id }); at >= 0 {
		return &said[at]
	}
	return nil
}

// A damagedResult is installed and does not hold, with what the catalog says of it.
type damagedResult struct {
	client.Damaged
	*client.Standing
}

func withDamage(all []client.Damaged, said []client.Standing) []damagedResult {
	var out []damagedResult
	for _, d := range all {
		out = append(out, damagedResult{d, standingOf(d.ID, said)})
	}
	return out
}

// tellDamage says what does not hold, and of what was withdrawn too, that nothing
// brings it again.
func tellDamage(w io.Writer, all []damagedResult, dir string) error {
	for _, d := range all {
		if err := writeLine(w, "! %s", d.text(dir)); err != nil {
			return err
		}
	}
	for _, d := range all {
		if d.Standing == nil {
			continue
		}
		for _, n := range d.Notices {
			if err := writeLine(w, "! %s %s: %s", d.ID, d.Version, noticeText(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// text is what does not hold, and how that ends.
func (d damagedResult) text(dir string) string {
	if d.Standing == nil || !d.Withdrawn() {
		return d.Detail
	}
	return strings.Replace(d.Detail, client.BringsAgain,
		fmt.Sprintf("(it was withdrawn, so that nothing brings it again: oarlock uninstall %s --dir %s)", d.ID, shellWord(dir)), 1)
}

// noticeText is a notice as a line says it: what must not run first.
func noticeText(n index.Notice) string {
	said := short(inWords(n.Detail), 600)
	if n.Standing == index.StandingStop {
		return "must not run any more: " + said
	}
	return said
}

// idsOf are all that is installed, whether it holds or not.
func idsOf(all []client.Installed, damaged []client.Damaged) []artifact.Name {
	var out []artifact.Name
	for _, i := range all {
		out = append(out, i.ID)
	}
	for _, d := range damaged {
		out = append(out, d.ID)
	}
	return out
}

// standings asks the catalog that the store remembers, or that the command line
// names, about what is installed. What could not be told is said of each.
func (s *storeFlags) standings(ctx context.Context, c *console, all []artifact.Name) []client.Standing {
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, standingTime)
	defer cancel()
	s.quiet = true
	store, err := s.openPlanning(ctx, c)
	if err == nil {
		var said []client.Standing
		if said, err = store.Standings(ctx); err == nil {
			return said
		}
	}
	untold := client.Standing{State: client.StandingUntold, Notices: []index.Notice{{Kind: client.StandingUntold,
		Detail: "whether the version may still run could not be told"}}}
	if err != nil {
		untold.Notices[0].Detail += ": " + text(err)
	}
	out := slices.Repeat([]client.Standing{untold}, len(all))
	for n, id := range all {
		out[n].Of = id
	}
	return out
}

// tellStandings says of each that is not simply active why, since when and what
// to do. What could be told of none is said once.
func tellStandings(w io.Writer, all []installedResult, dir string, but []client.Held) error {
	untold := 0
	for _, i := range all {
		if i.Standing != nil && i.State == client.StandingUntold {
			untold++
		}
	}
	for _, i := range all {
		if i.Standing == nil || slices.ContainsFunc(but, func(h client.Held) bool { return h.ID == i.ID }) {
			continue
		}
		if i.State == client.StandingUntold && untold == len(all) && untold > 1 {
			return writeLine(w, "! of all %d: %s", len(all), inWords(i.Notices[0].Detail))
		}
		for _, n := range i.Notices {
			if err := writeLine(w, "! %s %s: %s", i.ID, i.Version, noticeText(n)); err != nil {
				return err
			}
			if err := tellRemedies(w, remedies(i.Installed, n, dir)); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellNotices says each notice of what is not installed.
func tellNotices(w io.Writer, of string, all []index.Notice) error {
	for _, n := range all {
		if err := writeLine(w, "! %s%s", of, noticeText(n)); err != nil {
			return err
		}
	}
	return nil
}

func tellRemedies(w io.Writer, all []string) error {
	if len(all) == 0 {
		return nil
	}
	return writeLine(w, "  %s", strings.Join(all, ", or "))
}

// remedies are what somebody who has i installed can do about n.
func remedies(i client.Installed, n index.Notice, dir string) []string {
	var out []string
	at := " --dir " + shellWord(dir)
	for _, action := range n.Actions {
		switch action {
		case index.ActionGuide:
			if n.Move != nil {
				out = append(out, "read "+n.Move.Guide)
			}
		case index.ActionReplacement:
			if n.Move != nil {
				out = append(out, "oarlock install "+n.Move.Replacement+at)
			}
		case index.ActionUpdate:
			if pin(i.Range) != "" {
				out = append(out, fmt.Sprintf("oarlock install %s%s ends its pin and oarlock update %s%s then takes another version", i.ID, at, i.ID, at))
				continue
			}
			out = append(out, fmt.Sprintf("oarlock update %s%s takes another version, where there is one", i.ID, at))
		case index.ActionKeep:
			if n.Standing == index.StandingUpdateBlocked {
				out = append(out, "it may go on running as it is")
			}
		case index.ActionAlternatives:
			out = append(out, "oarlock search looks for another")
		case index.ActionUninstall:
			if slices.Contains(i.RequestedBy, "request") {
				out = append(out, fmt.Sprintf("oarlock uninstall %s%s", i.ID, at))
			} else {
				out = append(out, fmt.Sprintf("oarlock uninstall %s%s, which needs it", strings.Join(i.RequestedBy, " "), at))
			}
		}
	}
	return out
}

// shellWord is s as one word of a shell.
func shellWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// pin is the one version that a range holds, "" where it holds more.
func pin(rng string) string {
	text, exact := strings.CutPrefix(rng, "=")
	if v, err := artifact.ParseVersion(strings.TrimSpace(text)); exact && err == nil {
		return v.String()
	}
	return ""
}

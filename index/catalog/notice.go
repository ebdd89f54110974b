package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// Notices are what whoever has v, a version of p, or takes it is to know, what
// weighs most first: why v, or p as a whole, may not be installed any more, or
// will not for long. None means that p and v are active and v is listed. The list
// is never nil. What each says to an install is what the table of the lifecycle
// says of the state that it is of.
func (p *Plugin) Notices(v *Version) []index.Notice {
	out := p.Told()
	// What stops the plugin as a whole stops the version, and is said once.
	if n, is := v.notice(p.unknown() != ""); is && (p.State != index.StateEmergencyRemoved || n.Kind != string(p.State)) {
		if at := slices.Index(n.Actions, index.ActionUpdate); at >= 0 && !p.Standing().May(table.Anonymous, table.Update) {
			n.Actions[at] = index.ActionAlternatives
		}
		out = append(out, n)
	}
	slices.SortStableFunc(out, weigh)
	return out
}

// Told is what is in force for p as a whole; none where it is active. The list is never
// nil.
func (p *Plugin) Told() []index.Notice {
	if p.State == index.StateActive || p.State == "" {
		return []index.Notice{}
	}
	return []index.Notice{p.notice()}
}

// told is what an install of v is told: what the table says of its states, and that
// there is something to know where v is not listed for another reason.
func (p *Plugin) told(v *Version) index.Standing {
	out := p.StandingOf(v).Cell(table.Anonymous, table.Run).Standing
	if out == index.StandingOK && len(v.Pending) > 0 {
		out = index.StandingWarn
	}
	return out
}

// shown is the state of v as answers name it.
func (v *Version) shown() index.VersionState {
	if s := v.alone().Version; s != "" {
		return s
	}
	return v.State
}

// weigh puts first what says most to an install, and of two that say the same what
// nobody new is given.
func weigh(a, b index.Notice) int {
	by := cmp.Or(b.Standing, index.StandingWarn).Compare(cmp.Or(a.Standing, index.StandingWarn))
	if by == 0 && a.Withdrawn != b.Withdrawn {
		if by = 1; a.Withdrawn {
			by = -1
		}
	}
	return by
}

// noticeOf is a notice of a state.
func noticeOf(s table.State, kind, detail string) index.Notice {
	return index.Notice{Kind: kind, Detail: detail, Standing: s.Cell(table.Anonymous, table.Run).Standing, Withdrawn: !s.May(table.Anonymous, table.Install)}
}

// notice tells of the plugin's state.
func (p *Plugin) notice() index.Notice {
	s := p.Standing()
	s.Unknown = false // which is said of each version
	out := noticeOf(s, string(p.State), "the plugin is "+string(p.State)+strings.Replace(p.why(), "; ", " ", 1))
	if len(p.Moves) > 0 {
		m := p.Moves[0]
		out.Move, out.Actions = &m, m.Actions(out.Standing)
	}
	return out
}

// notice tells why v is in no answer, where that is so by itself; unknown is that
// what its plugin's ledger says could not be told.
func (v *Version) notice(unknown bool) (index.Notice, bool) {
	s := v.alone()
	active := s.Cell(table.Anonymous, table.Run).Standing == table.OK
	var out index.Notice
	switch {
	case active && len(v.Pending) == 0:
		return out, false
	case active && unknown:
		out = noticeOf(table.State{Unknown: true}, index.ReasonUnreadable, "the version is not listed: "+v.pending())
	case active:
		out = index.Notice{Kind: v.Pending[0].Code, Detail: "the version is not listed: " + v.pending(), Withdrawn: true}
	case s.Version == index.VersionYanked:
		out = noticeOf(s, string(s.Version), v.yanked())
	default:
		out = noticeOf(s, string(s.Version), inState(s, v.why()))
	}
	out.Actions = []string{index.ActionUpdate, index.ActionKeep}
	if out.Standing == index.StandingStop || out.Standing == "" {
		out.Actions[1] = index.ActionUninstall
	}
	return out, true
}

// inState says in what state a version is. What was pulled before its bytes here
// were damaged is whole.
func inState(s table.State, why string) string {
	out := "the version is " + string(s.Version)
	if s.Version == index.VersionQuarantined {
		out = "the registry's copy of the version is quarantined"
	}
	why = strings.TrimPrefix(strings.TrimPrefix(why, string(s.Version)+": "), index.MustNotRun)
	switch {
	case strings.HasPrefix(why, "since "):
		out += " " + why
	case why != "":
		out += ": " + why
	}
	return out
}

// yanked says that v was yanked, as a sentence.
func (v *Version) yanked() string {
	if v.Yanked == nil || v.Yanked.Reason == "" {
		return "the version is " + v.yank()
	}
	return "the version was " + v.yank()
}

// pending is why v is not listed.
func (v *Version) pending() string {
	details := make([]string, len(v.Pending))
	for i, r := range v.Pending {
		details[i] = r.Detail
	}
	return strings.Join(details, "; ")
}

// yank is since when, by whom and why v is yanked.
func (v *Version) yank() string {
	if v.Yanked == nil || v.Yanked.Reason == "" {
		return "yanked, so only lock files that hold it reach it"
	}
	return fmt.Sprintf("yanked on %s%s: %s", v.Yanked.At.UTC().Format("2006-01-02"), by(v.Yanked.By), v.Yanked.Reason)
}

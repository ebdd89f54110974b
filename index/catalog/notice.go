package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/index"
)

// Notices are what whoever has v, a version of p, or takes it is to know, what
// weighs most first: why v, or p as a whole, may not be installed any more, or
// will not for long. None means that p and v are active and v is listed. The list
// is never nil.
func (p *Plugin) Notices(v *Version) []index.Notice {
	out := []index.Notice{}
	if n, is := v.notice(); is {
		out = append(out, n)
	}
	if p.State != index.StateActive && p.State != "" {
		out = append(out, p.notice())
	}
	slices.SortStableFunc(out, func(a, b index.Notice) int { return cmp.Compare(weight(a.Kind), weight(b.Kind)) })
	return out
}

// gravest are the kinds of notices that weigh most, in this order; of all others
// only a deprecation weighs less.
var gravest = []string{string(index.StateEmergencyRemoved), string(index.VersionBlocked), string(index.StateSuspended), string(index.StateRemoved)}

func weight(kind string) int {
	switch at := slices.Index(gravest, kind); {
	case at >= 0:
		return at
	case kind == string(index.StateDeprecated):
		return len(gravest) + 1
	}
	return len(gravest)
}

// notice tells of the plugin's state.
func (p *Plugin) notice() index.Notice {
	out := index.Notice{Kind: string(p.State), Detail: "the plugin is " + string(p.State) + p.why()}
	if len(p.Moves) > 0 {
		m := p.Moves[0]
		out.Move, out.Actions = &m, m.Actions()
	}
	return out
}

// notice tells why v is in no answer, where that is so by itself.
func (v *Version) notice() (index.Notice, bool) {
	if len(v.Pending) == 0 && !v.IsYanked() {
		return index.Notice{}, false
	}
	leave := []string{index.ActionUpdate, index.ActionUninstall}
	keep := []string{index.ActionUpdate, index.ActionKeep}
	switch {
	case v.State == index.VersionEmergencyRemoved && len(v.Pending) > 0:
		return index.Notice{Kind: string(v.State), Detail: "the version is emergency-removed: " + v.Pending[0].Detail, Actions: leave}, true
	case v.State == index.VersionBlocked && len(v.Pending) > 0:
		return index.Notice{Kind: string(v.State), Detail: "the version is blocked: " + v.Pending[0].Detail, Actions: leave}, true
	case v.State == index.VersionQuarantined && len(v.Pending) > 0: // what was pulled before is whole
		return index.Notice{Kind: string(v.State), Detail: "the registry's copy of the version is quarantined: " + v.Pending[0].Detail, Actions: keep}, true
	case v.IsYanked():
		return index.Notice{Kind: string(index.VersionYanked), Detail: "the version is " + v.yank(), Actions: keep}, true
	}
	details := make([]string, len(v.Pending))
	for i, r := range v.Pending {
		details[i] = r.Detail
	}
	return index.Notice{Kind: v.Pending[0].Code, Detail: "the version is not listed: " + strings.Join(details, "; "), Actions: leave}, true
}

// yank is since when, by whom and why v is yanked.
func (v *Version) yank() string {
	if v.Yanked == nil || v.Yanked.Reason == "" {
		return "yanked, so only lock files that hold it reach it"
	}
	return fmt.Sprintf("yanked on %s%s: %s", v.Yanked.At.UTC().Format("2006-01-02"), by(v.Yanked.By), v.Yanked.Reason)
}

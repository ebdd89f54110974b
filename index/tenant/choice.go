package tenant

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// A choice is which version of a plugin a tenant is given, with why it is none
// where it is none. It is the one place that decides it, in this order:
//
//	emergency  what must not run is not given, whatever was chosen
//	hold       what it was given when the hold began, for as long as that lasts
//	pin        the version that the tenant wants, whatever the channel says
//	channel    the newest that fits, of the channel that it follows
//	           and whose schema takes the configuration that is there
//
// A plugin that takes no new installs leaves a tenant at the version that it was
// given last, as far as the table of the lifecycle lets a lock hold it.
type choice struct {
	version *catalog.Version // nil is none
	code    string           // of index.Code…, "" with a version
	detail  string
	// standing is of the version, or of the plugin where there is none.
	standing index.Standing
	reasons  []index.Reason
}

func (c choice) refused(code, format string, args ...any) choice {
	c.version, c.code, c.detail = nil, code, fmt.Sprintf(format, args...)
	return c
}

// choose decides what the hosts of a tenant are given of p. Without hosts it
// decides for anyone. takes says why a version does not take the configuration that
// is there; a nil one takes every version.
func choose(p *catalog.Plugin, i Install, hosts []Host, takes func(*catalog.Version) *index.Reason) choice {
	if takes == nil {
		takes = func(*catalog.Version) *index.Reason { return nil }
	}
	if i.Damaged != nil { // what it chose could not be told: nothing new comes
		c := choice{standing: p.Standing().Cell(table.Holder, table.Run).Standing}
		return c.refused(index.CodeUnavailable, "what the tenant chose of %s cannot be read in the database", p.ID)
	}
	v, c := wanted(p, i, hosts, takes)
	if v == nil {
		return c
	}
	v, asks := asked(p, v, i, hosts)
	state := p.StandingOf(v)
	c.standing = state.Cell(table.Holder, table.Run).Standing
	if c.standing == table.Stop {
		return c.refused(index.CodeLifecycleBlocked, "%s must not run: %s", v.Version, reasonOf(p, v, state, table.Run, &c))
	}
	if !state.May(table.Holder, asks) {
		return c.refused(index.CodeLifecycleBlocked, "%s is not for a new install: %s", v.Version, reasonOf(p, v, state, asks, &c))
	}
	if len(v.Pending) > 0 && asks == table.Install {
		c.reasons = slices.Clone(v.Pending)
		return c.refused(index.CodeLifecycleBlocked, "%s is not listed yet: %s", v.Version, v.Pending[0].Detail)
	}
	if why := takes(v); why != nil { // of a pin; the others were asked
		c.reasons = append(c.reasons, *why)
		return c.refused(why.Code, "%s", why.Detail)
	}
	c.version = v
	if code := state.Cell(table.Holder, asks).Code; code != "" {
		reasonOf(p, v, state, asks, &c)
	}
	return c
}

// asked is what the table is asked of the version that is wanted: whether the tenant
// goes on with what it has, or is given something new. Where nothing new is given of
// the plugin, what it has is asked instead.
func asked(p *catalog.Plugin, v *catalog.Version, i Install, hosts []Host) (*catalog.Version, table.Operation) {
	if v.Digest.String() == i.Digest {
		return v, table.Resolve
	}
	if had := hadOf(p, i, hosts); had != nil && i.Pin.IsZero() && !p.StandingOf(v).May(table.Holder, table.Install) {
		return had, table.Resolve
	}
	return v, table.Install
}

// wanted is the version that the tenant wants, whatever its state.
func wanted(p *catalog.Plugin, i Install, hosts []Host, takes func(*catalog.Version) *index.Reason) (*catalog.Version, choice) {
	none := choice{standing: p.Standing().Cell(table.Holder, table.Run).Standing}
	if i.isHeld() {
		none.reasons = []index.Reason{i.Hold.why()}
		if v := hadOf(p, i, hosts); v != nil {
			return v, none
		}
		return nil, none.refused(index.ReasonHeld, "%s", i.Hold.why().Detail)
	}
	if !i.Pin.IsZero() {
		v, is := p.At(i.Pin)
		if !is {
			return nil, none.refused(index.CodeVersionNotFound, "there is no version %s of %s%s", i.Pin, p.ID, versionsOf(p))
		}
		if misfits, fits := runsOnOne(v, hosts); !fits {
			none.reasons = misfits
			return nil, none.refused(index.CodeHostIncompatible, "no host of the tenant runs %s: %s", v.Version, misfits[0].Detail)
		}
		return v, none
	}
	if _, is := p.Channels[i.Channel]; i.Channel != "" && !is {
		return nil, none.refused(index.CodeNotFound, "there is no channel %q of %s%s", i.Channel, p.ID, channelsOf(p))
	}
	v, held := newestOf(p, i, hosts, takes)
	if held != nil {
		none.reasons = append(none.reasons, *held)
	}
	if v != nil {
		return v, none
	}
	if held != nil {
		return nil, none.refused(held.Code, "%s", held.Detail)
	}
	return nil, nothingFits(p, hosts, none)
}

// newestOf is the newest version of the channel that one of the hosts runs and that
// takes the configuration: the plugin's own state aside, which choose looks at. held
// is why it is not a newer one.
func newestOf(p *catalog.Plugin, i Install, hosts []Host, takes func(*catalog.Version) *index.Reason) (newest *catalog.Version, held *index.Reason) {
	open := *p
	open.State = index.StateActive
	var some []*catalog.Version
	for _, f := range fitsOf(hosts) {
		f.Channel = i.Channel
		some = append(some, open.Candidates(f)...)
	}
	slices.SortStableFunc(some, func(a, b *catalog.Version) int { return b.Version.Compare(a.Version) })
	for _, v := range slices.Compact(some) {
		why := takes(v)
		if why == nil {
			return v, held
		}
		if held == nil {
			held = why
		}
	}
	if had := hadOf(p, i, hosts); had != nil && takes(had) == nil { // yanked, it goes on
		return had, held
	}
	return nil, held
}

// hadOf is the version that the tenant was given last, where one of its hosts runs it.
func hadOf(p *catalog.Plugin, i Install, hosts []Host) *catalog.Version {
	for k := range p.Versions {
		if v := &p.Versions[k]; i.Digest != "" && v.Digest.String() == i.Digest {
			if _, fits := runsOnOne(v, hosts); fits {
				return v
			}
		}
	}
	return nil
}

// nothingFits says whether it is for the hosts that no version is given, or for the
// state of all versions that they run.
func nothingFits(p *catalog.Plugin, hosts []Host, none choice) choice {
	var first []index.Reason
	for k := range p.Versions {
		v := &p.Versions[k]
		misfits, fits := runsOnOne(v, hosts)
		if !fits {
			if first == nil {
				first = misfits
			}
			continue
		}
		state := p.StandingOf(v)
		if reasons := v.Pending; len(reasons) > 0 {
			none.reasons = slices.Clone(reasons)
			return none.refused(index.CodeLifecycleBlocked, "%s is not listed: %s", v.Version, reasons[0].Detail)
		}
		if !state.May(table.Tenant, table.Install) {
			return none.refused(index.CodeLifecycleBlocked, "%s is not for a new install: %s", v.Version, reasonOf(p, v, state, table.Install, &none))
		}
		none.reasons = []index.Reason{{Code: index.ReasonPrerelease, Detail: fmt.Sprintf("%s is a prerelease, which is pinned or in a channel", v.Version)}}
		return none.refused(index.CodeVersionNotFound, "%s has no stable version: pin one, or follow a channel%s", p.ID, channelsOf(p))
	}
	if len(first) > 0 {
		none.reasons = first
		return none.refused(index.CodeHostIncompatible, "no host of the tenant runs a version of %s: %s", p.ID, first[0].Detail)
	}
	return none.refused(index.CodeVersionNotFound, "%s has no version", p.ID)
}

// fitsOf are the hosts as questions to the catalog; one for anyone without hosts.
func fitsOf(hosts []Host) []catalog.Fit {
	out := []catalog.Fit{}
	for _, h := range hosts {
		out = append(out, catalog.Fit{Host: h.Host, HostVersion: h.Version, Platform: h.Platform})
	}
	if len(out) == 0 {
		return []catalog.Fit{{}}
	}
	return out
}

// runsOnOne reports whether one of the hosts runs v, with why the first does not.
func runsOnOne(v *catalog.Version, hosts []Host) (misfits []index.Reason, fits bool) {
	for _, f := range fitsOf(hosts) {
		why := v.HostMisfits(f)
		if len(why) == 0 {
			return nil, true
		}
		if misfits == nil {
			misfits = why
		}
	}
	return misfits, false
}

// reasonOf is why the table does not simply say yes, and is added to the reasons of c.
func reasonOf(p *catalog.Plugin, v *catalog.Version, state table.State, asks table.Operation, c *choice) string {
	r := index.Reason{Code: state.Cell(table.Holder, asks).Code, Detail: fmt.Sprintf("%s is %s", p.ID, state.Name())}
	if len(p.Moves) > 0 && p.State != "" && p.State != index.StateActive {
		r.Detail += ": " + p.Moves[0].Why()
	}
	for _, own := range v.Pending {
		if own.Code == r.Code {
			r.Detail = own.Detail
		}
	}
	if r.Code == index.ReasonYanked && v.Yanked != nil {
		r.Detail = fmt.Sprintf("%s was yanked: %s", v.Version, v.Yanked.Reason)
	}
	c.reasons = append(c.reasons, r)
	return r.Detail
}

// mostNamed is how many versions or channels a message lists.
const mostNamed = 8

func versionsOf(p *catalog.Plugin) string {
	names := []string{}
	for i := range p.Versions {
		if i == mostNamed {
			names = append(names, "…")
			break
		}
		names = append(names, p.Versions[i].Version.String())
	}
	if len(names) == 0 {
		return ""
	}
	return "; it has " + strings.Join(names, ", ")
}

func channelsOf(p *catalog.Plugin) string {
	names := slices.Sorted(maps.Keys(p.Channels))
	if len(names) == 0 {
		return ""
	}
	if len(names) > mostNamed {
		names = append(names[:mostNamed], "…")
	}
	return "; it has the channels " + strings.Join(names, ", ")
}

// asInstalled is how an install of a tenant stands by the plugin's state; nil is a
// plugin that is not there any more.
func asInstalled(p *catalog.Plugin, c choice) index.InstallStatus {
	switch {
	case p == nil:
		return index.InstallOrphaned
	case c.standing == table.Stop:
		return index.InstallForceDisabled
	}
	switch p.State {
	case index.StateRemoved, index.StateDeleted:
		return index.InstallOrphaned
	case index.StateSuspended:
		return index.InstallSuspended
	case index.StateDeprecated:
		return index.InstallDeprecated
	}
	return index.InstallInstalled
}

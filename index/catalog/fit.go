package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// A Fit says for whom something must fit; the zero Fit is "for anyone". The
// package comment has the rules.
type Fit struct {
	Host        artifact.HostID
	HostVersion artifact.HostVersion // zero: the host must be named, no more; without Host it says nothing
	Platform    artifact.Platform
	Channel     string // exactly what this channel points to
	Prerelease  bool   // prereleases too
	Age         *Age   // public for so long; nil asks nothing
}

// misfits gives every reason why v, a version of p, is not in an answer to f;
// none means that it fits. It is the rule; the fast way of Query agrees with it.
func misfits(p *Plugin, v *Version, f Fit) []index.Reason {
	var out []index.Reason
	add := func(code, format string, args ...any) {
		out = append(out, index.Reason{Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	if !p.Installable() {
		add(p.refusal(), "the plugin is %s, which takes new installs only while active or deprecated%s", p.State, p.why())
	}
	out = append(out, v.Pending...)
	if v.IsYanked() {
		add(index.ReasonYanked, "%s", v.yank())
	}
	out = append(out, v.HostMisfits(f)...)
	if r, young := f.Age.Young(p, v); young {
		out = append(out, r)
	}
	switch d, ok := p.Channels[f.Channel]; {
	case f.Channel == "":
		if v.Version.IsPrerelease() && !f.Prerelease {
			add(index.ReasonPrerelease, "%s is a prerelease, which must be asked for", v.Version)
		}
	case !ok:
		add(index.ReasonChannel, "the plugin has no channel %q%s", f.Channel, channelsThere(p))
	case d != v.Digest:
		add(index.ReasonChannel, "channel %q points to %s, not to this version", f.Channel, pointedTo(p, f.Channel))
	}
	return out
}

// HostMisfits gives every reason why the host and the platform of f do not run v,
// in whatever state it is; none means that they do.
func (v *Version) HostMisfits(f Fit) (out []index.Reason) {
	if detail, code := hostMisfit(v, f); code != "" {
		out = append(out, index.Reason{Code: code, Detail: detail})
	}
	if !runsOn(v, f.Platform) {
		out = append(out, index.Reason{Code: index.ReasonPlatform, Detail: fmt.Sprintf("built for %s, asked for %s", platformList(v), f.Platform)})
	}
	return out
}

// refusal is the code of why p takes no new installs.
func (p *Plugin) refusal() string {
	return table.State{Plugin: p.State}.Cell(table.Anonymous, table.Install).Code
}

// why is when, by whom and for what reason the plugin came into its state, where
// its ledger says it.
func (p *Plugin) why() string {
	if len(p.Moves) == 0 {
		return ""
	}
	return "; " + p.Moves[0].Why()
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

// fits reports whether there is no misfit. It says the same as misfits without
// making sentences, since a page asks it of every version of every plugin on it.
func fits(p *Plugin, v *Version, f Fit) bool {
	if len(v.Pending) > 0 || v.IsYanked() || !p.Installable() || !runsOn(v, f.Platform) || f.Age.young(p, v) {
		return false
	}
	if !f.Host.IsZero() {
		r, named := engines(v)[f.Host]
		if !named || !f.HostVersion.IsZero() && !r.ContainsHost(f.HostVersion) {
			return false
		}
	}
	if f.Channel == "" {
		return f.Prerelease || !v.Version.IsPrerelease()
	}
	d, ok := p.Channels[f.Channel]
	return ok && d == v.Digest
}

func hostMisfit(v *Version, f Fit) (detail, code string) {
	if f.Host.IsZero() {
		return "", ""
	}
	engines := engines(v)
	r, named := engines[f.Host]
	switch {
	case !named && len(engines) == 0:
		return fmt.Sprintf("it names no hosts, so it is not known to run in %q", f.Host), index.ReasonHostNotNamed
	case !named:
		names := slices.Sorted(func(yield func(string) bool) {
			for h := range maps.Keys(engines) {
				if !yield(h.String()) {
					return
				}
			}
		})
		return fmt.Sprintf("it is for %s, not for %q", strings.Join(names, ", "), f.Host), index.ReasonHostNotNamed
	case !f.HostVersion.IsZero() && !r.ContainsHost(f.HostVersion):
		return fmt.Sprintf("it needs %s %s, the host is %s", f.Host, r, f.HostVersion), index.ReasonHostVersion
	}
	return "", ""
}

func engines(v *Version) map[artifact.HostID]artifact.Range {
	if v.Plugin == nil {
		return nil
	}
	return v.Plugin.Engines
}

// runsOn reports whether one of v's builds runs on p. A version with no builds
// at all runs nowhere in particular, so it runs anywhere.
func runsOn(v *Version, p artifact.Platform) bool {
	if p.IsZero() || len(v.Builds) == 0 {
		return true
	}
	return slices.ContainsFunc(v.Builds, func(b artifact.Build) bool { return p.Runs(b.Platform) })
}

func platformList(v *Version) string {
	names := make([]string, len(v.Builds))
	for i, b := range v.Builds {
		names[i] = b.Platform.String()
	}
	return strings.Join(names, ", ")
}

func channelsThere(p *Plugin) string {
	if len(p.Channels) == 0 {
		return ""
	}
	return "; it has " + strings.Join(slices.Sorted(maps.Keys(p.Channels)), ", ")
}

func pointedTo(p *Plugin, channel string) string {
	for i := range p.Versions {
		if p.Versions[i].Digest == p.Channels[channel] {
			return p.Versions[i].Version.String()
		}
	}
	return string(p.Channels[channel])
}

// Newest is the newest version of a plugin that fits f.
func (s *Snapshot) Newest(id artifact.Name, f Fit) (*Version, bool) {
	all := s.Candidates(id, f)
	if len(all) == 0 {
		return nil, false
	}
	return all[0], true
}

// Candidates are the versions of a plugin that fit f, newest first.
func (s *Snapshot) Candidates(id artifact.Name, f Fit) []*Version {
	p, ok := s.Plugin(id)
	if !ok {
		return nil
	}
	return p.Candidates(f)
}

// Candidates are the versions of p that fit f, newest first.
func (p *Plugin) Candidates(f Fit) []*Version {
	var out []*Version
	for i := range p.Versions {
		if v := &p.Versions[i]; fits(p, v, f) {
			out = append(out, v)
		}
	}
	return out
}

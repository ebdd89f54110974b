package resolve

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// maxChanges is how many hints of one kind are looked at for one plugin.
const maxChanges = 4

// changes implements adjustable.
func (o *overCatalog) changes(id artifact.Name) []index.Hint {
	p, ok := o.snapshot.Plugin(id)
	if !ok || !p.Installable() {
		return nil
	}
	var out []index.Hint
	now := o.fitFor(p)
	now.Prerelease = true
	try := func(change, from, to string, fit catalog.Fit) bool {
		if len(p.Candidates(fit)) <= 0 {
			return false
		}
		out = append(out, index.Hint{Plugin: id.String(), Change: change, From: from, To: to})
		return true
	}
	several := func(tos []string, one func(to string) bool) {
		found := 0
		for _, to := range tos {
			if found < maxChanges && one(to) {
				found++
			}
		}
	}
	if now.Channel != "" {
		several(append([]string{""}, slices.Sorted(maps.Keys(p.Channels))...), func(to string) bool {
			fit := now
			fit.Channel = to
			return to != now.Channel && try(index.HintChannel, now.Channel, to, fit)
		})
	}
	// Of the rest not all need to be wrong at once, so what else is wrong is left out.
	alone := now
	alone.Channel, alone.Platform = "", artifact.Platform{}
	if !now.HostVersion.IsZero() {
		several(hostVersions(p, now), func(to string) bool {
			fit := alone
			var err error
			fit.HostVersion, err = artifact.ParseHostVersion(to)
			return err == nil && try(index.HintHost, now.HostVersion.String(), to, fit)
		})
	}
	alone = now
	alone.Channel, alone.HostVersion = "", artifact.HostVersion{}
	if !now.Platform.IsZero() {
		several(platforms(p, now), func(to string) bool {
			fit := alone
			var err error
			fit.Platform, err = artifact.ParsePlatform(to)
			return err == nil && try(index.HintPlatform, now.Platform.String(), to, fit)
		})
	}
	return out
}

// open implements adjustable.
func (o *overCatalog) open(id artifact.Name) bool {
	p, ok := o.snapshot.Plugin(id)
	return !ok || p.Installable()
}

// hostVersions are versions of the host that listed versions of p are for and
// that f's is not, the nearest first.
func hostVersions(p *catalog.Plugin, f catalog.Fit) []string {
	var out []string
	for i := range p.Versions {
		v := &p.Versions[i]
		if !v.Listed() || v.Plugin == nil {
			continue
		}
		r, named := v.Plugin.Engines[f.Host]
		if !named || r.ContainsHost(f.HostVersion) {
			continue
		}
		for _, word := range strings.FieldsFunc(r.String(), func(c rune) bool { return strings.ContainsRune("^~<>=!|, ", c) }) {
			for _, near := range versionsNear(word) {
				h, err := artifact.ParseHostVersion(near)
				if err == nil && r.ContainsHost(h) && !slices.Contains(out, near) {
					out = append(out, near)
					break
				}
			}
		}
	}
	from := f.HostVersion.String()
	slices.SortStableFunc(out, func(a, b string) int { return slices.Compare(apart(a, from), apart(b, from)) })
	return out
}

// apart is how far two versions are from each other, part by part.
func apart(a, b string) []int {
	var x, y [3]int
	_, _ = fmt.Sscanf(strings.TrimPrefix(a, "v"), "%d.%d.%d", &x[0], &x[1], &x[2]) // what is not there is 0
	_, _ = fmt.Sscanf(strings.TrimPrefix(b, "v"), "%d.%d.%d", &y[0], &y[1], &y[2])
	out := make([]int, 3)
	for n := range out {
		out[n] = max(x[n]-y[n], y[n]-x[n])
	}
	return out
}

// platforms are those that listed versions of p are built for and f's is not,
// those of the same system first.
func platforms(p *catalog.Plugin, f catalog.Fit) []string {
	var out []artifact.Platform
	for i := range p.Versions {
		if !p.Versions[i].Listed() {
			continue
		}
		for _, b := range p.Versions[i].Builds {
			if !b.Platform.IsZero() && !f.Platform.Runs(b.Platform) && !slices.Contains(out, b.Platform) {
				out = append(out, b.Platform)
			}
		}
	}
	other := func(p artifact.Platform) int {
		if p.OS() == f.Platform.OS() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b artifact.Platform) int { return cmp.Or(other(a)-other(b), a.Compare(b)) })
	names := make([]string, len(out))
	for i, one := range out {
		names[i] = one.String()
	}
	return names
}

// with implements adjustable.
func (o *overCatalog) with(h index.Hint) Universe {
	fit := o.fit
	switch h.Change {
	case index.HintHost:
		fit.HostVersion, _ = artifact.ParseHostVersion(h.To) // read in changes
	case index.HintPlatform:
		fit.Platform, _ = artifact.ParsePlatform(h.To)
	case index.HintChannel:
		fit.Channel = h.To
	}
	return Over(o.snapshot, fit, o.wanted...)
}

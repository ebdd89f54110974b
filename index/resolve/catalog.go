package resolve

import (
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/opencontainers/go-digest"
)

// Over is the universe of one catalog snapshot for one question. A channel
// binds the wanted plugins, and of the others those that have it: a dependency
// that has no such channel is taken from all its versions.
//
// What the table of the lifecycle gives to a lock and to no new install is held.
func Over(s *catalog.Snapshot, fit catalog.Fit, wanted ...artifact.Name) Universe {
	return &overCatalog{s, fit, wanted, map[artifact.Name][]Candidate{}}
}

type overCatalog struct {
	snapshot *catalog.Snapshot
	fit      catalog.Fit
	wanted   []artifact.Name
	known    map[artifact.Name][]Candidate
}

func (o *overCatalog) Candidates(id artifact.Name) []Candidate {
	if known, ok := o.known[id]; ok {
		return known
	}
	o.known[id] = o.candidates(id)
	return o.known[id]
}

func (o *overCatalog) candidates(id artifact.Name) []Candidate {
	p, ok := o.snapshot.Plugin(id)
	if !ok {
		return nil
	}
	fit := o.fitFor(p)
	fit.Prerelease = true // ranges decide
	age := fit.Age
	fit.Age = nil // a lock may hold what is too young for others
	state, notices := map[digest.Digest]table.State{}, map[digest.Digest][]index.Notice{}
	free := *p
	free.State, free.Versions = index.StateActive, nil
	for i := range p.Versions {
		v := p.Versions[i]
		s := p.StandingOf(&v)
		if !s.May(table.Anonymous, table.Resolve) {
			continue
		}
		if state[v.Digest] = s; s.Cell(table.Anonymous, table.Resolve).Answer == table.Warn {
			notices[v.Digest] = p.Notices(&v)
		}
		v.Yanked, v.State = nil, index.VersionActive
		free.Versions = append(free.Versions, v)
	}
	var out []Candidate
	for _, v := range free.Candidates(fit) {
		one := Candidate{ID: id, Version: v.Version, Digest: v.Digest, PlatformDigest: buildFor(v.Builds, fit.Platform),
			Dependencies: v.Plugin.Dependencies, OptIn: fit.Channel != "", Notices: notices[v.Digest]}
		if s := state[v.Digest]; !s.May(table.Anonymous, table.Install) {
			one.Held = s.Cell(table.Anonymous, table.Install).Code
		} else if r, young := age.Young(p, v); young {
			one.Held = r.Code
		}
		out = append(out, one)
	}
	return out
}

// fitFor is the question as it is asked of p.
func (o *overCatalog) fitFor(p *catalog.Plugin) catalog.Fit {
	fit := o.fit
	if _, has := p.Channels[fit.Channel]; !has && !slices.Contains(o.wanted, p.ID) {
		fit.Channel = ""
	}
	return fit
}

// Absent says why no version of id fits, by the reasons of the newest.
func (o *overCatalog) Absent(id artifact.Name) string {
	p, ok := o.snapshot.Plugin(id)
	if !ok {
		return fmt.Sprintf("there is no plugin %s here", id)
	}
	if gone := p.Gone(); gone != nil {
		return gone.Detail
	}
	versions, err := o.snapshot.Why(id, o.fitFor(p))
	if err != nil || len(versions) == 0 {
		return fmt.Sprintf("%s has no versions", id)
	}
	r, same := telling(versions)
	switch {
	case r.Code == "":
		return fmt.Sprintf("no version of %s fits", id)
	case same:
		return fmt.Sprintf("no version of %s fits (%s)", id, r.Detail)
	}
	return fmt.Sprintf("no version of %s fits (%s: %s)", id, versions[0].Version, r.Detail)
}

// telling is the reason of the newest version that says most: one whose code
// all versions share before others, and a prerelease's own last. Same says that
// all versions give it in the same words.
func telling(versions []index.WhyVersion) (reason index.Reason, same bool) {
	var best int
	for _, r := range versions[0].Reasons {
		shared, alike := 1, true
		for _, v := range versions[1:] {
			at := slices.IndexFunc(v.Reasons, func(o index.Reason) bool { return o.Code == r.Code })
			if at >= 0 {
				shared++
			}
			alike = alike && at >= 0 && v.Reasons[at].Detail == r.Detail
		}
		if r.Code == index.ReasonPrerelease {
			shared = 0
		}
		if reason.Code == "" || shared > best {
			reason, same, best = r, alike, shared
		}
	}
	return reason, same
}

// buildFor is the build that a machine of platform p pulls, "" where the
// question leaves several.
func buildFor(builds []artifact.Build, p artifact.Platform) digest.Digest {
	runs := slices.DeleteFunc(slices.Clone(builds), func(b artifact.Build) bool { return !p.Runs(b.Platform) })
	if len(runs) == 0 {
		return ""
	}
	if p.IsZero() {
		for _, b := range runs {
			if b.Digest != runs[0].Digest {
				return ""
			}
		}
		return runs[0].Digest
	}
	return slices.MaxFunc(runs, func(a, b artifact.Build) int { return p.Better(a.Platform, b.Platform) }).Digest
}

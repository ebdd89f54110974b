package catalog

import (
	"cmp"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/opencontainers/go-digest"
)

// A Plugin is all that the catalog knows about one plugin. It replaces the
// earlier one whole, so applying it twice changes nothing. What a Snapshot
// gives out is shared and must not be changed.
type Plugin struct {
	ID       artifact.Name
	State    index.PluginState        // empty is active
	Moves    []index.Move             // in force, the one that State comes from first
	Source   index.SourceBadge        // zero is this registry
	Channels map[string]digest.Digest // channel → what its tag points to
	Versions []Version                // newest first once it is in a Snapshot
	Broken   []Broken
	// Publisher is the same for all plugins of a publisher.
	Publisher Publisher
	// UpdatedAt is when the newest of the listed versions came here; nil is not
	// known. A Snapshot tells it by the versions, and does not look at what a
	// changed plugin brings. Like PublishedAt it is beside the record.
	UpdatedAt *time.Time
}

// A Version is one plugin version, read and judged.
type Version struct {
	Version      artifact.Version
	Digest       digest.Digest // of the manifest or image index
	MediaType    string
	ArtifactType string
	Size         int64            // bytes of all manifests, configs and layers
	Plugin       *artifact.Plugin // without readme and changelog
	Config       digest.Digest    // of the config blob that holds the readme; "" when there is none
	Builds       []artifact.Build
	Signature    index.Signature
	Attestations []index.Attestation
	Pending      []index.Reason // what it waits for; empty is listed
	State        index.VersionState
	Yanked       *index.Yanked
	// PublishedAt is when the version came to this site, by the site's own
	// clock, to the microsecond; zero is not known. It is a fact of one site, so
	// it is beside the record and in no digest.
	PublishedAt time.Time
}

// Broken is a tag that cannot be read as a plugin version. Only Why shows it.
type Broken struct {
	Tag     string
	Digest  digest.Digest
	Reasons []index.Reason
}

// Installable reports whether versions of the plugin may be in answers to
// someone who wants to install it.
func (p *Plugin) Installable() bool {
	return table.State{Plugin: p.State}.May(table.Anonymous, table.Install)
}

// Listed reports whether v may be in an answer, its plugin's state aside.
func (v *Version) Listed() bool {
	return len(v.Pending) == 0 && v.alone().May(table.Anonymous, table.Search)
}

// alone is the state of v, its plugin's aside. What must not run anywhere is that,
// whatever its bytes here are.
func (v *Version) alone() table.State {
	if v.State != index.VersionBlocked && slices.ContainsFunc(v.Pending, func(r index.Reason) bool { return r.Code == index.ReasonEmergency }) {
		return table.State{Version: index.VersionEmergencyRemoved}
	}
	if v.Yanked != nil && (v.State == "" || v.State == index.VersionActive) {
		return table.State{Version: index.VersionYanked}
	}
	return table.State{Version: v.State}
}

// IsYanked reports whether v is only for those who have it in a lock file.
func (v *Version) IsYanked() bool { return v.Yanked != nil || v.State == index.VersionYanked }

// Holding is the version that a digest is of, or one of its builds.
func (p *Plugin) Holding(d digest.Digest) (*Version, bool) {
	for i := range p.Versions {
		v := &p.Versions[i]
		if v.Digest == d || slices.ContainsFunc(v.Builds, func(b artifact.Build) bool { return b.Digest == d }) {
			return v, true
		}
	}
	return nil, false
}

// ChannelsOf names the channels that point to v, sorted.
func (p *Plugin) ChannelsOf(v *Version) []string {
	out := []string{}
	for name, d := range p.Channels {
		if d == v.Digest {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// At finds the version with the given text or tag form.
func (p *Plugin) At(version artifact.Version) (*Version, bool) {
	for i := range p.Versions {
		if p.Versions[i].Version.Compare(version) == 0 {
			return &p.Versions[i], true
		}
	}
	return nil, false
}

// normal is p in the one form that equal content has: versions newest first
// and each once, tags sorted, states spelled out. p itself is left as it is.
func (p Plugin) normal() Plugin {
	if p.State == "" {
		p.State = index.StateActive
	}
	p.Versions = slices.Clone(p.Versions)
	slices.SortStableFunc(p.Versions, func(a, b Version) int {
		return cmp.Or(b.Version.Compare(a.Version), cmp.Compare(a.Digest, b.Digest))
	})
	p.Versions = slices.CompactFunc(p.Versions, func(a, b Version) bool { return a.Version.Compare(b.Version) == 0 })
	for i := range p.Versions {
		v := &p.Versions[i]
		switch {
		case v.IsYanked() && (v.State == "" || v.State == index.VersionActive):
			v.State = index.VersionYanked
		case v.State == "":
			v.State = index.VersionActive
		}
	}
	p.Broken = slices.Clone(p.Broken)
	slices.SortStableFunc(p.Broken, func(a, b Broken) int {
		return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Digest, b.Digest))
	})
	return p
}

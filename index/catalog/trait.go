package catalog

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// A trait is what decides whether a listed version is in an answer.
type trait struct {
	engines uint32
	builds  uint32
	meta    uint32
	at      uint32 // index among the plugin's versions, twice, plus 1 for a prerelease
}

func (f trait) version() int     { return int(f.at >> 1) }
func (f trait) prerelease() bool { return f.at&1 != 0 }

// about is what filters look at in a plugin, as numbers of values.
type about struct {
	publisher, state, source, badge uint32
	verified                        bool // the publisher
}

// A pointer is a channel that points to a listed version: versions[trait].
type pointer struct {
	channel uint32
	trait   uint16
}

// traits are all that questions are decided by, of one plugin.
type traits struct {
	about    about
	versions []trait // of the newest maxTraits listed versions, newest first; none of a plugin that takes no installs
	pointers []pointer
}

// maxTraits is how many listed versions of one plugin can be in an answer.
const maxTraits = 1 << 16

// value numbers s. Interned texts are copied, so that none keeps a record alive.
func (w *words) value(s string) uint32 {
	return w.values.id(s, func() string {
		s, n := strings.Clone(s), uint32(len(w.folds))
		first, there := w.folded[strings.ToLower(s)]
		if !there {
			first = n
			w.folded[strings.ToLower(s)] = n
		}
		w.folds, w.cased = append(w.folds, first), w.cased || there
		return s
	})
}

func (w *words) list(values []string) uint32 {
	ids := make([]uint32, 0, len(values))
	for _, v := range values {
		if n := w.value(v); n != 0 && !slices.Contains(ids, n) {
			ids = append(ids, n)
		}
	}
	key := make([]byte, 0, 4*len(ids))
	for _, n := range ids {
		key = binary.BigEndian.AppendUint32(key, n)
	}
	return w.lists.id(string(key), func() []uint32 { return ids })
}

// traitsOf reads the traits of p, which is normal. masks are those of its record.
func (w *words) traitsOf(p *Plugin, masks []uint64) traits {
	if !p.Installable() {
		return w.traitsBy(p, masks, func(int) bool { return false })
	}
	return w.traitsBy(p, masks, func(i int) bool { return p.Versions[i].Listed() })
}

// raisedTraits are those of a plugin that takes no installs, for who asks for it
// by its state: of the versions that its state alone keeps from being listed, or
// else of the newest.
func (w *words) raisedTraits(p *Plugin, masks []uint64) traits {
	alone := func(i int) bool {
		v := p.Versions[i]
		v.Pending = slices.DeleteFunc(slices.Clone(v.Pending), ByLedger)
		if v.State == index.VersionEmergencyRemoved {
			v.State = index.VersionActive
		}
		return v.Listed()
	}
	if t := w.traitsBy(p, masks, alone); len(t.versions) > 0 {
		return t
	}
	return w.traitsBy(p, masks, func(i int) bool { return i == 0 })
}

// traitsBy are those of the versions that are offered, by their index.
func (w *words) traitsBy(p *Plugin, masks []uint64, offered func(i int) bool) traits {
	w.mu.Lock()
	defer w.mu.Unlock()
	source := sourceOf(p)
	f := traits{about: about{w.value(p.ID.Publisher()), w.value(string(p.State)), w.value(source.Name), w.value(source.Badge), p.Publisher.Verified}}
	f.versions = make([]trait, 0, len(p.Versions))
	var one trait
	var before *Version // that one is of
	var changed uint64  // since then
	for i := range p.Versions {
		changed |= masks[i]
		v := &p.Versions[i]
		if !offered(i) || len(f.versions) == maxTraits {
			continue
		}
		w.update(&one, before, v, changed)
		one.at, before, changed = uint32(i)<<1, v, 0
		if v.Version.IsPrerelease() {
			one.at |= 1
		}
		f.versions = append(f.versions, one)
	}
	for _, channel := range slices.Sorted(maps.Keys(p.Channels)) {
		i := slices.IndexFunc(f.versions, func(one trait) bool { return p.Versions[one.version()].Digest == p.Channels[channel] })
		if i >= 0 && channel != "" {
			f.pointers = append(f.pointers, pointer{w.value(channel), uint16(i)})
		}
	}
	return f
}

func samePlatforms(a, b []artifact.Build) bool {
	return slices.EqualFunc(a, b, func(x, y artifact.Build) bool { return x.Platform == y.Platform })
}

// update makes one, which is the trait of before, that of v; changed are the
// fields that may differ. Without before it is the zero trait.
func (w *words) update(one *trait, before, v *Version, changed uint64) {
	m := said(v)
	if changed&maskMeta != 0 {
		key := meta{w.list(m.Categories), w.list(m.Niches), w.list(licenseChoices(m.License)), w.value(m.Tier), w.value(string(v.Signature.Status)),
			v.Signature.Status == index.SignatureVerified, w.list(attested(v)), w.list(builders(v))}
		one.meta = w.metas.id(key, func() meta { return key })
	}
	if changed&maskEngines != 0 {
		one.engines = w.engineSet(m)
	}
	if changed&maskBuilds != 0 && (before == nil || !samePlatforms(before.Builds, v.Builds)) {
		one.builds = w.buildSet(v)
	}
}

// attested are the kinds and predicate types of v's verified attestations.
func attested(v *Version) []string {
	var out []string
	for _, a := range v.Attestations {
		if a.Verified {
			out = append(out, a.Kind, a.PredicateType)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// builders are who built v, by its verified attestations.
func builders(v *Version) []string {
	var out []string
	for _, a := range v.Attestations {
		if a.Verified {
			out = append(out, a.Builder)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *words) engineSet(m *artifact.Plugin) uint32 {
	hosts := slices.SortedFunc(maps.Keys(m.Engines), func(a, b artifact.HostID) int { return cmp.Compare(a.String(), b.String()) })
	var key []byte
	for _, h := range hosts {
		key = append(append(append(append(key, h.String()...), ' '), m.Engines[h].String()...), '\n')
	}
	return w.engines.id(string(key), func() []engine {
		set := make([]engine, len(hosts))
		for i, h := range hosts {
			set[i] = engine{h, m.Engines[h]}
		}
		return set
	})
}

func (w *words) buildSet(v *Version) uint32 {
	platforms := make([]artifact.Platform, 0, len(v.Builds))
	for _, b := range v.Builds {
		if !slices.Contains(platforms, b.Platform) {
			platforms = append(platforms, b.Platform)
		}
	}
	slices.SortFunc(platforms, artifact.Platform.Compare)
	var key []byte
	for _, p := range platforms {
		key = append(append(key, p.String()...), '\n')
	}
	return w.builds.id(string(key), func() []artifact.Platform { return platforms })
}

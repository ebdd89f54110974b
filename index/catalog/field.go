package catalog

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// A field is one part of a version inside a record. put never meets a nil
// Plugin, and get never gives one.
type field struct {
	put func(*writer, *Version)
	get func(*reader, *Version)
}

// fields are all parts of a version in the order of their bit in a record. A
// new one goes to the end. The first says whether there is a Plugin at all.
var fields = [...]field{
	{},
	{func(w *writer, v *Version) { w.str(v.Version.String()) }, func(r *reader, v *Version) { v.Version = r.version() }},
	{func(w *writer, v *Version) { w.digest(v.Digest) }, func(r *reader, v *Version) { v.Digest = r.digest() }},
	{func(w *writer, v *Version) { w.str(v.MediaType) }, func(r *reader, v *Version) { v.MediaType = r.str() }},
	{func(w *writer, v *Version) { w.str(v.ArtifactType) }, func(r *reader, v *Version) { v.ArtifactType = r.str() }},
	{func(w *writer, v *Version) { w.int(v.Size) }, func(r *reader, v *Version) { v.Size = r.int() }},
	{func(w *writer, v *Version) { w.digest(v.Config) }, func(r *reader, v *Version) { v.Config = r.digest() }},
	{putBuilds, getBuilds},
	{putSignature, getSignature},
	{putAttestations, getAttestations},
	{func(w *writer, v *Version) { putList(w, v.Pending, putReason) }, func(r *reader, v *Version) { v.Pending = getList(r, getReason) }},
	{func(w *writer, v *Version) { w.str(string(v.State)) }, func(r *reader, v *Version) { v.State = index.VersionState(r.str()) }},
	{putYanked, getYanked},

	{func(w *writer, v *Version) { w.str(v.Plugin.ID.String()) }, func(r *reader, v *Version) { v.Plugin.ID = r.name() }},
	{putSaidVersion, func(r *reader, v *Version) { v.Plugin.Version = r.version() }},
	text(func(p *artifact.Plugin) *string { return &p.Title }),
	text(func(p *artifact.Plugin) *string { return &p.Description }),
	list(func(p *artifact.Plugin) *[]string { return &p.Keywords }),
	list(func(p *artifact.Plugin) *[]string { return &p.Categories }),
	text(func(p *artifact.Plugin) *string { return &p.License }),
	text(func(p *artifact.Plugin) *string { return &p.Vendor }),
	text(func(p *artifact.Plugin) *string { return &p.Homepage }),
	text(func(p *artifact.Plugin) *string { return &p.Repository }),
	text(func(p *artifact.Plugin) *string { return &p.Documentation }),
	text(func(p *artifact.Plugin) *string { return &p.Icon }),
	{func(w *writer, v *Version) { w.time(v.Plugin.Created) }, func(r *reader, v *Version) { v.Plugin.Created = r.time() }},
	text(func(p *artifact.Plugin) *string { return &p.Revision }),
	{putEngines, getEngines},
	{putPlatforms, getPlatforms},
	text(func(p *artifact.Plugin) *string { return &p.Entrypoint }),
	{putPermissions, getPermissions},
	{putDependencies, getDependencies},
	{putContributes, getContributes},
	{putMigrations, getMigrations},
	text(func(p *artifact.Plugin) *string { return &p.Tier }),
	list(func(p *artifact.Plugin) *[]string { return &p.Niches }),
	{putSupport, getSupport},
	text(func(p *artifact.Plugin) *string { return &p.Pricing }),
	{putScreenshots, getScreenshots},
	{putPayloads, getPayloads},
	{func(w *writer, v *Version) { w.str(string(v.Plugin.ConfigSchema)) }, getConfigSchema},
}

// The bits of those fields that traits are made from; a test holds them to fields.
const (
	maskBuilds  = 1 << 7
	maskEngines = 1<<0 | 1<<27
	maskMeta    = 1<<0 | 1<<8 | 1<<9 | 1<<18 | 1<<19 | 1<<34 | 1<<35
)

func text(of func(*artifact.Plugin) *string) field {
	return field{
		func(w *writer, v *Version) { w.str(*of(v.Plugin)) },
		func(r *reader, v *Version) { *of(v.Plugin) = r.str() },
	}
}

func list(of func(*artifact.Plugin) *[]string) field {
	return field{
		func(w *writer, v *Version) { putList(w, *of(v.Plugin), (*writer).str) },
		func(r *reader, v *Version) { *of(v.Plugin) = getList(r, (*reader).str) },
	}
}

// putSaidVersion leaves out the usual case: the manifest says the version of its tag.
func putSaidVersion(w *writer, v *Version) {
	said := v.Plugin.Version.String()
	if said == v.Version.String() {
		said = ""
	}
	w.str(said)
}

func putBuilds(w *writer, v *Version) {
	putList(w, v.Builds, func(w *writer, b artifact.Build) {
		w.str(b.Platform.String())
		if b.Digest == v.Digest { // a plugin of a single manifest
			w.digest("")
		} else {
			w.digest(b.Digest)
		}
	})
}

func getBuilds(r *reader, v *Version) {
	v.Builds = getList(r, func(r *reader) artifact.Build {
		return artifact.Build{Platform: r.platform(), Digest: r.digest()}
	})
}

func putSignature(w *writer, v *Version) {
	w.str(string(v.Signature.Status))
	w.str(v.Signature.Signer)
	w.str(v.Signature.Format)
}

func getSignature(r *reader, v *Version) {
	v.Signature = index.Signature{Status: index.SignatureStatus(r.str()), Signer: r.str(), Format: r.str()}
}

func putAttestations(w *writer, v *Version) {
	putList(w, v.Attestations, func(w *writer, a index.Attestation) {
		w.str(a.PredicateType)
		w.digest(a.Digest)
		w.bool(a.Verified)
		w.str(a.Kind)
		w.str(a.Builder)
	})
}

func getAttestations(r *reader, v *Version) {
	v.Attestations = getList(r, func(r *reader) index.Attestation {
		return index.Attestation{PredicateType: r.str(), Digest: r.digest(), Verified: r.bool(), Kind: r.str(), Builder: r.str()}
	})
}

func putYanked(w *writer, v *Version) {
	w.bool(v.Yanked != nil)
	if v.Yanked != nil {
		w.time(&v.Yanked.At)
		w.str(v.Yanked.Reason)
		w.str(v.Yanked.By)
	}
}

func getYanked(r *reader, v *Version) {
	v.Yanked = nil
	if r.bool() {
		v.Yanked = new(index.Yanked)
		if at := r.time(); at != nil {
			v.Yanked.At = *at
		}
		v.Yanked.Reason = r.str()
		v.Yanked.By = r.str()
	}
}

func putEngines(w *writer, v *Version) {
	hosts := slices.SortedFunc(maps.Keys(v.Plugin.Engines), func(a, b artifact.HostID) int { return cmp.Compare(a.String(), b.String()) })
	putList(w, hosts, func(w *writer, h artifact.HostID) {
		w.str(h.String())
		w.str(v.Plugin.Engines[h].String())
	})
}

func getEngines(r *reader, v *Version) {
	v.Plugin.Engines = nil
	if n := r.count(); n > 0 {
		v.Plugin.Engines = make(map[artifact.HostID]artifact.Range, min(n, artifact.MaxListItems))
		for range n {
			h := r.host()
			v.Plugin.Engines[h] = r.rng()
		}
	}
}

func putPlatforms(w *writer, v *Version) {
	putList(w, v.Plugin.Platforms, func(w *writer, p artifact.Platform) { w.str(p.String()) })
}

func getPlatforms(r *reader, v *Version) { v.Plugin.Platforms = getList(r, (*reader).platform) }

func getConfigSchema(r *reader, v *Version) {
	v.Plugin.ConfigSchema = nil
	if s := r.str(); s != "" {
		v.Plugin.ConfigSchema = json.RawMessage(s)
	}
}

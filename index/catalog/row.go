package catalog

import (
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/opencontainers/go-digest"
)

// A RowEncoder writes hits as the words of an answer.
type RowEncoder struct {
	// Host is what references begin with, such as "127.0.0.1:7117".
	Host string
	// Joins gives downloads and rating; without they are absent.
	Joins Joins
	// Role is in what role the reader asks about a plugin; without it, nobody in
	// particular.
	Role func(id artifact.Name) table.Role
}

func (e RowEncoder) role(id artifact.Name) table.Role {
	if e.Role == nil {
		return table.Anonymous
	}
	return e.Role(id)
}

// Whole reports whether the reader sees all of v, a version of p.
func (e RowEncoder) Whole(p *Plugin, v *Version) bool { return !e.tombstone(p, v) }

// tombstone reports whether the reader sees of v, or of p where that is nil, no
// digest.
func (e RowEncoder) tombstone(p *Plugin, v *Version) bool {
	s := p.Standing()
	if v != nil {
		s = p.StandingOf(v)
	}
	// Who asks costs more than what everybody may see.
	return s.Cell(table.Anonymous, table.Show).Fields != table.Whole && s.Cell(e.role(p.ID), table.Show).Fields != table.Whole
}

// Restricted reports whether some see more of p than others do.
func (p *Plugin) Restricted() bool {
	whole := func(s table.State) bool { return s.Cell(table.Anonymous, table.Show).Fields == table.Whole }
	return !whole(p.Standing()) || slices.ContainsFunc(p.Versions, func(v Version) bool { return !whole(v.alone()) })
}

// EncodeRow is one plugin of an answer to f. versions_available are those that
// fit f, newest first.
func (e RowEncoder) EncodeRow(h Hit, f Fit) index.Row {
	m := said(h.Version)
	row := index.Row{
		ID: h.Plugin.ID.String(), Name: m.Title, Publisher: h.Plugin.ID.Publisher(), Description: m.Description,
		Categories: nonNil(m.Categories), Keywords: nonNil(m.Keywords), Niches: nonNil(m.Niches),
		License: m.License, Tier: m.Tier,
		Version: h.Version.Version.String(), Digest: h.Version.Digest, Reference: e.Reference(h.Plugin.ID, h.Version.Digest),
		Platforms: []string{}, Engines: enginesText(m), VersionsAvailable: []string{},
		State: h.Plugin.State, VerifiedPublisher: h.Plugin.Publisher.Verified,
		Signature: h.Version.Signature, UpdatedAt: h.Plugin.UpdatedAt, Source: sourceOf(h.Plugin),
	}
	if h.Plugin.State != index.StateActive && len(h.Plugin.Moves) > 0 {
		m := h.Plugin.Moves[0]
		row.Move = &m
	}
	if e.tombstone(h.Plugin, h.Version) {
		row.Digest, row.Reference = "", ""
	}
	if row.Name == "" {
		row.Name = h.Plugin.ID.Plugin()
	}
	for _, b := range h.Version.Builds {
		if !b.Platform.IsZero() {
			row.Platforms = append(row.Platforms, b.Platform.String())
		}
	}
	for _, v := range h.Plugin.Candidates(f) {
		row.VersionsAvailable = append(row.VersionsAvailable, v.Version.String())
	}
	if e.Joins != nil {
		downloads := e.Joins.Downloads(h.Plugin.ID)
		rating, reviews := e.Joins.Rating(h.Plugin.ID)
		row.Downloads, row.Rating, row.Reviews = &downloads, &rating, &reviews
	}
	return row
}

// EncodeVersion is one version of p, listed or not.
func (e RowEncoder) EncodeVersion(p *Plugin, v *Version) index.Version {
	m := said(v)
	out := index.Version{
		Version: v.Version.String(), Digest: v.Digest, Reference: e.Reference(p.ID, v.Digest),
		MediaType: v.MediaType, ArtifactType: v.ArtifactType, Size: v.Size, CreatedAt: m.Created,
		Engines: enginesText(m), Platforms: []index.Build{}, License: m.License,
		Permissions: permissionNames(m), Dependencies: dependencies(m), Channels: p.ChannelsOf(v),
		State: v.shown(), Yanked: v.Yanked, Signature: v.Signature, Attestations: nonNil(v.Attestations),
		Standing: p.told(v),
	}
	if !v.PublishedAt.IsZero() {
		at := v.PublishedAt
		out.PublishedAt = &at
	}
	for _, b := range v.Builds {
		out.Platforms = append(out.Platforms, index.Build{OS: b.Platform.OS(), Arch: b.Platform.Arch(), Variant: b.Platform.Variant(), Digest: b.Digest})
	}
	if e.tombstone(p, v) {
		out.Digest, out.Reference, out.Attestations = "", "", []index.Attestation{}
		for i := range out.Platforms {
			out.Platforms[i].Digest = ""
		}
	}
	if len(v.Pending) > 0 {
		out.Pending = &index.Pending{Reasons: v.Pending}
	}
	return out
}

// EncodeDetail is one plugin whole, with every version that it has. readme is
// the text that Version.Config of the hit holds. The stamp is left to whoever
// knows the generation.
func (e RowEncoder) EncodeDetail(h Hit, f Fit, readme string) index.Detail {
	m := said(h.Version)
	if e.tombstone(h.Plugin, h.Version) {
		readme = ""
	}
	out := index.Detail{
		Row: e.EncodeRow(h, f), Versions: make([]index.Version, 0, len(h.Plugin.Versions)), Readme: readme,
		Permissions: permissionNames(m), Dependencies: dependencies(m), Notices: []index.Notice{},
	}
	for i := range h.Plugin.Versions {
		out.Versions = append(out.Versions, e.EncodeVersion(h.Plugin, &h.Plugin.Versions[i]))
	}
	if h.Plugin.State != index.StateActive {
		out.Notices = append(out.Notices, h.Plugin.notice())
	}
	if h.Version.Version.IsPrerelease() && !f.Prerelease && f.Channel == "" && h.Version.Listed() {
		out.Notices = append(out.Notices, index.Notice{Kind: index.ReasonPrerelease,
			Detail: "only prereleases fit, which are taken where they are asked for: prerelease=true, --prerelease, or a range that names one"})
	}
	for _, r := range h.Plugin.ledgerProblems() {
		out.Notices = append(out.Notices, index.Notice{Kind: r.Code, Detail: r.Detail})
	}
	return out
}

// Why is Snapshot.Why as the reader sees it: what he may not pull is without its
// digest.
func (e RowEncoder) Why(s *Snapshot, id artifact.Name, f Fit) ([]index.WhyVersion, error) {
	out, err := s.Why(id, f)
	p, ok := s.Plugin(id)
	if err != nil || !ok || !p.Restricted() {
		return out, err
	}
	for i := range out {
		var v *Version
		if i < len(p.Versions) { // what cannot be read as a version is behind them
			v = &p.Versions[i]
		}
		if e.tombstone(p, v) {
			out[i].Digest = ""
		}
	}
	return out, nil
}

// Reference is what an OCI client pulls.
func (e RowEncoder) Reference(id artifact.Name, d digest.Digest) string {
	ref := id.String() + "@" + d.String()
	if e.Host != "" {
		ref = e.Host + "/" + ref
	}
	return ref
}

// said is what the version's manifest says; nothing where it has none.
func said(v *Version) *artifact.Plugin {
	if v.Plugin == nil {
		return new(artifact.Plugin)
	}
	return v.Plugin
}

func enginesText(m *artifact.Plugin) map[string]string {
	out := make(map[string]string, len(m.Engines))
	for h, r := range m.Engines {
		out[h.String()] = r.String()
	}
	return out
}

func permissionNames(m *artifact.Plugin) []string {
	out := make([]string, 0, len(m.Permissions))
	for _, p := range m.Permissions {
		out = append(out, p.Name)
	}
	return out
}

func dependencies(m *artifact.Plugin) []index.Dependency {
	out := make([]index.Dependency, 0, len(m.Dependencies))
	for _, d := range m.Dependencies {
		out = append(out, index.Dependency{ID: d.ID.String(), Range: d.Range.String(), Optional: d.Optional})
	}
	return out
}

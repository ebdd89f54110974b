package catalog

import (
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// face is the version that speaks for p where no question chose one: the
// newest listed stable version, else the newest listed. It is nil for a plugin
// that is in no answer.
func (p *Plugin) face() *Version {
	if !p.Installable() {
		return nil
	}
	var newest *Version
	for i := range p.Versions {
		v := &p.Versions[i]
		switch {
		case !v.Listed():
		case !v.Version.IsPrerelease():
			return v
		case newest == nil:
			newest = v
		}
	}
	return newest
}

// Shown is the version that is shown of p where none fits f: the newest
// prerelease where all that fits is prereleases, and where nothing in particular was
// asked, the newest version of a plugin that takes no installs, or else the newest
// that was withdrawn by itself.
func (p *Plugin) Shown(f Fit) (*Version, bool) {
	if !f.Prerelease && f.Channel == "" {
		wide := f
		wide.Prerelease = true
		if all := p.Candidates(wide); len(all) > 0 {
			return all[0], true
		}
	}
	if f != (Fit{}) {
		return nil, false
	}
	for i := range p.Versions {
		v := &p.Versions[i]
		if !p.Installable() || !v.alone().May(table.Anonymous, table.Search) {
			return v, true
		}
	}
	return nil, false
}

// nameKey is what p is sorted by in order of name: its title, or the second
// part of its id, without regard to case and accents.
func nameKey(p *Plugin, face *Version) string {
	if face != nil && face.Plugin != nil {
		if key := phrase(face.Plugin.Title); key != "" {
			return key
		}
	}
	return phrase(p.ID.Plugin())
}

// sourceOf is where p comes from. Without a name it is this registry; a badge
// is there only where somebody gave one.
func sourceOf(p *Plugin) index.SourceBadge {
	s := p.Source
	if s.Name == "" {
		s.Name = "registry"
	}
	return s
}

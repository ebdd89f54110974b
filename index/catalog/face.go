package catalog

import (
	"time"

	"github.com/oarlock/oarlock/index"
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

// UpdatedAt is when the latest listed version of p was made; nil when no
// version says so.
func (p *Plugin) UpdatedAt() *time.Time {
	var latest *time.Time
	for i := range p.Versions {
		v := &p.Versions[i]
		if v.Listed() && v.Plugin != nil && v.Plugin.Created != nil && (latest == nil || v.Plugin.Created.After(*latest)) {
			latest = v.Plugin.Created
		}
	}
	return latest
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

// sourceOf is where p comes from, spelled out.
func sourceOf(p *Plugin) index.SourceBadge {
	s := p.Source
	if s.Name == "" {
		s.Name = "registry"
	}
	if s.Badge == "" {
		s.Badge = "community"
	}
	return s
}

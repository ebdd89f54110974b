package artifact

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Limits of a plugin manifest, so that no single one can burden a catalog.
const (
	MaxTitle        = 128
	MaxDescription  = 4096
	MaxListItem     = 64
	MaxListItems    = 64
	MaxDependencies = 256
	MaxText         = 256 << 10 // readme, changelog: bytes each
)

type problemSink interface{ problem(place, detail string) }

// place names a field both as JSON pointer and as annotation key; the sink
// that speaks about annotations ignores the pointer.
func (p *Plugin) limits(to problemSink) {
	text := func(place, s string, most int) {
		if len(s) > most {
			to.problem(place, fmt.Sprintf("%d bytes, expected at most %d", len(s), most))
		}
		if !utf8.ValidString(s) {
			to.problem(place, "not valid UTF-8")
		}
	}
	text("/name", p.Title, MaxTitle)
	text("/description", p.Description, MaxDescription)
	text("/license", p.License, 256)
	text("/vendor", p.Vendor, MaxTitle)
	text("/tier", p.Tier, MaxListItem)
	text("/revision", p.Revision, 256)
	text("/readme", p.Readme, MaxText)
	text("/changelog", p.Changelog, MaxText)
	text("/pricing", p.Pricing, MaxDescription)
	list := func(place string, items []string) {
		if len(items) > MaxListItems {
			to.problem(place, fmt.Sprintf("%d entries, expected at most %d", len(items), MaxListItems))
		}
		for _, s := range items {
			if s == "" || len(s) > MaxListItem || strings.ContainsAny(s, ",\n\r") || !utf8.ValidString(s) {
				to.problem(place, fmt.Sprintf("entry %q: expected 1 to %d bytes of UTF-8 without comma or line break", s, MaxListItem))
			}
		}
	}
	list("/keywords", p.Keywords)
	list("/categories", p.Categories)
	list("/niches", p.Niches)
	names := make([]string, 0, len(p.Permissions))
	for _, perm := range p.Permissions {
		names = append(names, perm.Name)
	}
	list("/permissions", names)
	if n := len(p.Engines); n > MaxListItems {
		to.problem("/engines", fmt.Sprintf("%d hosts, expected at most %d", n, MaxListItems))
	}
	if n := len(p.Dependencies); n > MaxDependencies {
		to.problem("/dependencies", fmt.Sprintf("%d entries, expected at most %d", n, MaxDependencies))
	}
	link := func(place, s string) {
		if s == "" {
			return
		}
		if u, err := url.Parse(s); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || len(s) > 2048 {
			to.problem(place, fmt.Sprintf("%.80q: expected an http or https URL of at most 2048 bytes", s))
		}
	}
	link("/homepage", p.Homepage)
	link("/repository", p.Repository)
	link("/documentation", p.Documentation)
}

package artifact

import (
	"fmt"
	"strings"
	"unicode/utf8"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
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

// limits checks what annotations can say as well. Places are JSON pointers;
// annotationOf turns them into keys.
func (p *Plugin) limits(c *checker) {
	c.text("/name", p.Title, MaxTitle)
	c.text("/description", p.Description, MaxDescription)
	c.text("/license", p.License, 256)
	c.text("/vendor", p.Vendor, MaxTitle)
	c.text("/tier", p.Tier, MaxListItem)
	c.text("/revision", p.Revision, 256)
	c.text("/readme", p.Readme, MaxText)
	c.text("/changelog", p.Changelog, MaxText)
	c.text("/pricing", p.Pricing, MaxDescription)
	c.words("/keywords", p.Keywords)
	c.words("/categories", p.Categories)
	c.words("/niches", p.Niches)
	names := make([]string, 0, len(p.Permissions))
	for _, perm := range p.Permissions {
		names = append(names, perm.Name)
	}
	c.words("/permissions", names)
	c.count("/engines", len(p.Engines), MaxListItems)
	c.count("/dependencies", len(p.Dependencies), MaxDependencies)
	c.link("/homepage", p.Homepage)
	c.link("/repository", p.Repository)
	c.link("/documentation", p.Documentation)
}

func (c *checker) words(place string, items []string) {
	c.count(place, len(items), MaxListItems)
	for _, s := range items {
		if s == "" || len(s) > MaxListItem || strings.TrimSpace(s) != s || strings.ContainsAny(s, ",\n\r") || !utf8.ValidString(s) {
			c.problem(place, fmt.Sprintf("entry %.100q: expected 1 to %d bytes of UTF-8 without comma, line break or space around it", s, MaxListItem))
		}
	}
}

// annotationOf maps the places that limits names to annotation keys.
var annotationOf = map[string]string{
	"/name":          ocispec.AnnotationTitle,
	"/description":   ocispec.AnnotationDescription,
	"/license":       ocispec.AnnotationLicenses,
	"/vendor":        ocispec.AnnotationVendor,
	"/tier":          KeyTier,
	"/revision":      ocispec.AnnotationRevision,
	"/keywords":      KeyKeywords,
	"/categories":    KeyCategories,
	"/niches":        KeyNiches,
	"/permissions":   KeyPermissions,
	"/engines":       KeyEngine,
	"/dependencies":  KeyRequires,
	"/homepage":      ocispec.AnnotationURL,
	"/repository":    ocispec.AnnotationSource,
	"/documentation": ocispec.AnnotationDocumentation,
}

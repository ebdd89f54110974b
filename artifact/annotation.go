package artifact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The annotation keys of Oarlock, next to org.opencontainers.image.*.
const (
	KeyID          = "dev.oarlock.plugin.id"
	KeyEngine      = "dev.oarlock.plugin.engine."   // + host id
	KeyRequires    = "dev.oarlock.plugin.requires." // + publisher.plugin
	KeyCategories  = "dev.oarlock.plugin.categories"
	KeyKeywords    = "dev.oarlock.plugin.keywords"
	KeyPermissions = "dev.oarlock.plugin.permissions"
	KeyNiches      = "dev.oarlock.plugin.niches"
	KeyTier        = "dev.oarlock.plugin.tier"
)

// annotationPrefix is that of every key of Oarlock's own.
const annotationPrefix = "dev.oarlock."

// knownKeys are those of a plugin version that stand for themselves; a key that
// is neither here nor begins like KeyEngine or KeyRequires is refused.
var knownKeys = []string{KeyID, KeyCategories, KeyKeywords, KeyPermissions, KeyNiches, KeyTier}

// Annotations are what the plugin manifest says, as OCI annotations. They
// leave out what has no key, such as the readme.
func (p *Plugin) Annotations() map[string]string {
	a := map[string]string{}
	set := func(key, value string) {
		if value != "" {
			a[key] = value
		}
	}
	set(KeyID, p.ID.String())
	set(ocispec.AnnotationVersion, p.Version.String())
	set(ocispec.AnnotationTitle, p.Title)
	set(ocispec.AnnotationDescription, p.Description)
	set(ocispec.AnnotationLicenses, p.License)
	set(ocispec.AnnotationVendor, p.Vendor)
	set(ocispec.AnnotationURL, p.Homepage)
	set(ocispec.AnnotationSource, p.Repository)
	set(ocispec.AnnotationDocumentation, p.Documentation)
	set(ocispec.AnnotationRevision, p.Revision)
	if p.Created != nil {
		set(ocispec.AnnotationCreated, p.Created.UTC().Format(time.RFC3339))
	}
	set(KeyCategories, strings.Join(p.Categories, ","))
	set(KeyKeywords, strings.Join(p.Keywords, ","))
	set(KeyNiches, strings.Join(p.Niches, ","))
	set(KeyTier, p.Tier)
	var permissions []string
	for _, perm := range p.Permissions {
		permissions = append(permissions, perm.Name)
	}
	set(KeyPermissions, strings.Join(permissions, ","))
	for host, r := range p.Engines {
		set(KeyEngine+host.String(), r.String())
	}
	for _, d := range p.Dependencies {
		if !d.Optional {
			set(requiresKey(d.ID), d.Range.String())
		}
	}
	return a
}

func requiresKey(id Name) string { return KeyRequires + id.Publisher() + "." + id.Plugin() }

// FromAnnotations reads a plugin manifest from annotations alone. Errors are a
// *ProblemsError with every problem, each placed at its key.
func FromAnnotations(a map[string]string) (*Plugin, error) {
	p, problems := readAnnotations(a)
	problems = append(problems, p.missing(KeyID, ocispec.AnnotationVersion)...)
	if err := asError(problems); err != nil {
		return nil, err
	}
	return p, nil
}

// readAnnotations reads what is there and requires nothing.
func readAnnotations(a map[string]string) (*Plugin, []Problem) {
	r := annotationReader{a: a}
	p := &Plugin{
		Title:         a[ocispec.AnnotationTitle],
		Description:   a[ocispec.AnnotationDescription],
		License:       a[ocispec.AnnotationLicenses],
		Vendor:        a[ocispec.AnnotationVendor],
		Homepage:      a[ocispec.AnnotationURL],
		Repository:    a[ocispec.AnnotationSource],
		Documentation: a[ocispec.AnnotationDocumentation],
		Revision:      a[ocispec.AnnotationRevision],
		Tier:          a[KeyTier],
		Categories:    r.list(KeyCategories),
		Keywords:      r.list(KeyKeywords),
		Niches:        r.list(KeyNiches),
	}
	for _, name := range r.list(KeyPermissions) {
		p.Permissions = append(p.Permissions, Permission{Name: name})
	}
	r.text(KeyID, &p.ID)
	r.text(ocispec.AnnotationVersion, &p.Version)
	if s := a[ocispec.AnnotationCreated]; s != "" {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			r.problem(ocispec.AnnotationCreated, fmt.Sprintf("time %q: expected RFC 3339 such as 2026-01-02T15:04:05Z", s))
		} else {
			p.Created = &t
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a)) {
		r.keyed(p, key)
	}
	var c checker
	p.limits(&c)
	for _, one := range c.problems {
		r.problem(annotationOf[one.Place], one.Detail)
	}
	return p, r.problems
}

// annotationReader collects every problem instead of stopping at the first.
type annotationReader struct {
	a        map[string]string
	problems []Problem
}

func (r *annotationReader) problem(key, detail string) {
	r.problems = append(r.problems, Problem{Place: key, Detail: detail})
}

func (r *annotationReader) text(key string, into interface{ UnmarshalText([]byte) error }) {
	if s, ok := r.a[key]; ok {
		if err := into.UnmarshalText([]byte(s)); err != nil {
			r.problem(key, reason(err))
		}
	}
}

func (r *annotationReader) list(key string) []string {
	var out []string
	for part := range strings.SplitSeq(r.a[key], ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}

// keyed reads the keys that carry a host or a plugin in their name.
func (r *annotationReader) keyed(p *Plugin, key string) {
	if host, ok := strings.CutPrefix(key, KeyEngine); ok {
		id, err := ParseHostID(host)
		if err != nil {
			r.problem(key, reason(err))
			return
		}
		var rng Range
		r.text(key, &rng)
		if p.Engines == nil {
			p.Engines = map[HostID]Range{}
		}
		p.Engines[id] = rng
	}
	if name, ok := strings.CutPrefix(key, KeyRequires); ok {
		publisher, plugin, _ := strings.Cut(name, ".")
		id, err := ParseName(publisher + "/" + plugin)
		if err != nil {
			r.problem(key, fmt.Sprintf("expected %s<publisher>.<plugin>", KeyRequires))
			return
		}
		var rng Range
		r.text(key, &rng)
		p.Dependencies = append(p.Dependencies, Dependency{ID: id, Range: rng})
	}
}

// missing names what every version must say.
func (p *Plugin) missing(idPlace, versionPlace string) []Problem {
	var out []Problem
	if p.ID.IsZero() {
		out = append(out, Problem{Place: idPlace, Detail: "missing: expected <publisher>/<plugin>, the same as the repository",
			Fix: "add it, for instance --annotation " + KeyID + "=acme/hello"})
	}
	if p.Version.IsZero() {
		out = append(out, Problem{Place: versionPlace, Detail: "missing: expected the SemVer version, the same as the tag",
			Fix: "add it, for instance --annotation " + ocispec.AnnotationVersion + "=1.2.3"})
	}
	return out
}

// reason is err without the kind at its end, for a Problem's detail.
func reason(err error) string { return strings.TrimSuffix(err.Error(), ": "+ErrInvalid.Error()) }

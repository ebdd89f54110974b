package artifact

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Misplaced says where a version stands at another place than it says: in the
// repository of another plugin, or under the tag of another version.
func (p *Plugin) Misplaced(repository string, tag Tag) []Problem {
	var out []Problem
	if id := p.ID.String(); id != repository {
		out = append(out, Problem{Place: "id",
			Detail: fmt.Sprintf("the plugin says %q, the repository is %q", id, repository),
			Fix:    "push it to the repository of its id"})
	}
	if v := p.Version; v.Tag() != tag.String() {
		out = append(out, Problem{Place: "version",
			Detail: fmt.Sprintf("the plugin says %q, the tag is %q", v, tag),
			Fix:    fmt.Sprintf("push it to the tag %q", v.Tag())})
	}
	return out
}

// Publishable names what makes a new version one that nobody can use, or that
// shows people another text than it holds. It is stricter than Check, by which
// versions are read that are published already. Places are JSON pointers.
func (p *Plugin) Publishable() []Problem {
	c := checker{problems: p.Check()}
	p.printable(&c)
	p.ranges(&c)
	portable := func(place, file string) {
		if file != "" && SafePath(file) {
			if err := PortablePath(file); err != nil {
				c.problem(place, reason(err))
			}
		}
	}
	portable("/id", p.ID.Plugin())
	portable("/entrypoint", p.Entrypoint)
	for i, l := range p.Payloads {
		portable(fmt.Sprintf("/payloads/%d/path", i), l.Path)
	}
	return c.problems
}

// printable checks every text of p that people are shown.
func (p *Plugin) printable(c *checker) {
	check := func(place, s string, lines bool) {
		if why := unprintable(s, lines); why != "" {
			c.problem(place, why)
		}
	}
	for place, s := range map[string]string{
		"/name": p.Title, "/license": p.License, "/vendor": p.Vendor, "/tier": p.Tier, "/revision": p.Revision, "/homepage": p.Homepage,
		"/repository": p.Repository, "/documentation": p.Documentation, "/icon": p.Icon, "/entrypoint": p.Entrypoint,
	} {
		check(place, s, false)
	}
	for place, s := range map[string]string{
		"/description": p.Description, "/readme": p.Readme, "/changelog": p.Changelog, "/pricing": p.Pricing,
	} {
		check(place, s, true)
	}
	for place, items := range map[string][]string{"/keywords": p.Keywords, "/categories": p.Categories, "/niches": p.Niches} {
		for i, s := range items {
			check(fmt.Sprintf("%s/%d", place, i), s, false)
		}
	}
	for i, one := range p.Permissions {
		check(fmt.Sprintf("/permissions/%d/name", i), one.Name, false)
		check(fmt.Sprintf("/permissions/%d/reason", i), one.Reason, true)
	}
	for point, all := range p.Contributes {
		place := "/contributes/" + pointer.Replace(point)
		check(place, point, false)
		for i, one := range all {
			check(fmt.Sprintf("%s/%d/id", place, i), one.ID, false)
			check(fmt.Sprintf("%s/%d/title", place, i), one.Title, false)
		}
	}
	for i, m := range p.Migrations {
		check(fmt.Sprintf("/migrations/%d/description", i), m.Description, true)
	}
	for i, s := range p.Screenshots {
		check(fmt.Sprintf("/screenshots/%d/alt", i), s.Alt, true)
		check(fmt.Sprintf("/screenshots/%d/path", i), s.Path, false)
		check(fmt.Sprintf("/screenshots/%d/url", i), s.URL, false)
	}
	for i, l := range p.Payloads {
		check(fmt.Sprintf("/payloads/%d/url", i), l.URL, false)
		check(fmt.Sprintf("/payloads/%d/path", i), l.Path, false)
	}
	if s := p.Support; s != nil {
		check("/support/policy", s.Policy, true)
		check("/support/email", s.Email, false)
		check("/support/url", s.URL, false)
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Place, b.Place) })
}

// ranges refuses ranges that no version satisfies: no host would ever find the
// plugin, and nothing that depends on it could be installed.
func (p *Plugin) ranges(c *checker) {
	check := func(place string, r Range) {
		if !r.IsZero() && !r.Satisfiable() {
			c.problems = append(c.problems, Problem{Place: place, Detail: fmt.Sprintf("range %q: no version satisfies it", r), Fix: "correct its ends"})
		}
	}
	hosts := slices.SortedFunc(maps.Keys(p.Engines), func(a, b HostID) int { return strings.Compare(a.String(), b.String()) })
	for _, host := range hosts {
		check("/engines/"+pointer.Replace(host.String()), p.Engines[host])
	}
	for i, d := range p.Dependencies {
		check(fmt.Sprintf("/dependencies/%d/range", i), d.Range)
	}
	for i, m := range p.Migrations {
		check(fmt.Sprintf("/migrations/%d/from", i), m.From)
	}
}

// UnknownKeys names annotations that look like Oarlock's own and are none, as
// a slip of the pen makes them: what they say would count nowhere.
func UnknownKeys(annotations map[string]string) []Problem {
	var out []Problem
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if !strings.HasPrefix(strings.ToLower(key), annotationPrefix) || slices.Contains(knownKeys, key) ||
			strings.HasPrefix(key, KeyEngine) || strings.HasPrefix(key, KeyRequires) {
			continue
		}
		out = append(out, Problem{Place: clip(key), Detail: "is not a key of Oarlock, so what it says would count nowhere",
			Fix: fmt.Sprintf("expected one of %s, %s<host> or %s<publisher>.<plugin>; drop it, or use a prefix of your own", strings.Join(knownKeys, ", "), KeyEngine, KeyRequires)})
	}
	return out
}

// PrintableAnnotations names annotations of OCI and of Oarlock whose text does
// not belong before people's eyes.
func PrintableAnnotations(annotations map[string]string) []Problem {
	var out []Problem
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		lines := key == ocispec.AnnotationDescription
		if why := unprintable(key, false); why != "" {
			out = append(out, Problem{Place: fmt.Sprintf("annotation %q", clip(key)), Detail: "its key has " + why})
		}
		ours := strings.HasPrefix(key, annotationPrefix) || strings.HasPrefix(key, "org.opencontainers.")
		if why := unprintable(annotations[key], lines); ours && why != "" {
			out = append(out, Problem{Place: clip(key), Detail: why})
		}
	}
	return out
}

// clip keeps what a stranger chose from filling an answer.
func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// CheckData refuses a descriptor whose embedded data is not the blob that it
// names: whoever reads the one sees other bytes than whoever fetches the other.
// Errors wrap ErrInvalid.
//
// Source: OCI image-spec 1.1, descriptor.md, "data".
func CheckData(d ocispec.Descriptor) error {
	switch {
	case len(d.Data) == 0:
		return nil
	case int64(len(d.Data)) != d.Size:
		return fmt.Errorf("data has %d bytes, its descriptor says %d: %w", len(d.Data), d.Size, ErrInvalid)
	case d.Digest.Validate() == nil && d.Digest.Algorithm().FromBytes(d.Data) != d.Digest:
		return fmt.Errorf("data has digest %s, its descriptor says %s: %w", d.Digest.Algorithm().FromBytes(d.Data), d.Digest, ErrInvalid)
	}
	return nil
}

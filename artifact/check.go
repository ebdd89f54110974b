package artifact

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
)

// A checker collects the problems of one plugin manifest.
type checker struct{ problems []Problem }

func (c *checker) problem(place, detail string) {
	c.problems = append(c.problems, Problem{Place: place, Detail: detail})
}

func (c *checker) text(place, s string, most int) {
	if len(s) > most {
		c.problem(place, fmt.Sprintf("%d bytes, expected at most %d", len(s), most))
	}
	if !utf8.ValidString(s) {
		c.problem(place, "not valid UTF-8")
	}
}

func (c *checker) count(place string, n, most int) {
	if n > most {
		c.problem(place, fmt.Sprintf("%d entries, expected at most %d", n, most))
	}
}

func (c *checker) path(place, s string) {
	if s != "" && !SafePath(s) {
		c.problem(place, fmt.Sprintf("%.200q: expected a relative path inside the plugin, with forward slashes", s))
	}
}

func (c *checker) link(place, s string) {
	if s != "" && !isLink(s) {
		c.problem(place, fmt.Sprintf("%.80q: expected an http or https URL of at most 2048 bytes", s))
	}
}

func isLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(s) <= 2048
}

// picture is a path inside the content or a URL.
func (c *checker) picture(place, s string) {
	if s != "" && !isLink(s) && !SafePath(s) {
		c.problem(place, fmt.Sprintf("%.80q: expected a path inside the plugin or an http or https URL", s))
	}
}

func (c *checker) dependencies(p *Plugin) {
	seen := map[Name]bool{}
	for i, d := range p.Dependencies {
		place := fmt.Sprintf("/dependencies/%d", i)
		switch {
		case d.ID.IsZero():
			c.problem(place, "missing id")
		case d.Range.IsZero():
			c.problem(place, "missing range")
		case d.ID == p.ID:
			c.problem(place, fmt.Sprintf("%q depends on itself", d.ID))
		case seen[d.ID]:
			c.problem(place, fmt.Sprintf("%q is there twice, expected one range", d.ID))
		}
		seen[d.ID] = true
	}
}

func (c *checker) contributes(points map[string][]Contrib) {
	c.count("/contributes", len(points), MaxListItems)
	for _, point := range slices.Sorted(maps.Keys(points)) {
		place := "/contributes/" + pointer.Replace(point)
		c.count(place, len(points[point]), MaxDependencies)
		for i, one := range points[point] {
			if one.ID == "" {
				c.problem(fmt.Sprintf("%s/%d", place, i), "missing id")
			}
			c.text(fmt.Sprintf("%s/%d/id", place, i), one.ID, MaxTitle)
			c.text(fmt.Sprintf("%s/%d/title", place, i), one.Title, MaxTitle)
		}
	}
}

// pointer escapes one segment of a JSON pointer (RFC 6901).
var pointer = strings.NewReplacer("~", "~0", "/", "~1")

func (c *checker) migrations(all []Migration) {
	c.count("/migrations", len(all), MaxListItems)
	for i, m := range all {
		place := fmt.Sprintf("/migrations/%d", i)
		if m.From.IsZero() {
			c.problem(place, "missing from, the range of versions whose data it changes")
		}
		if m.Description == "" {
			c.problem(place, "missing description of what users will notice")
		}
		c.text(place+"/description", m.Description, MaxDescription)
	}
}

func (c *checker) screenshots(all []Screenshot) {
	c.count("/screenshots", len(all), 32)
	for i, s := range all {
		place := fmt.Sprintf("/screenshots/%d", i)
		if (s.Path == "") == (s.URL == "") {
			c.problem(place, "expected either path or url")
		}
		if s.Alt == "" {
			c.problem(place, "missing alt, which says in words what is to be seen")
		}
		c.text(place+"/alt", s.Alt, 256)
		c.path(place+"/path", s.Path)
		c.link(place+"/url", s.URL)
	}
}

func (c *checker) payloads(all []Payload) {
	c.count("/payloads", len(all), MaxDependencies)
	for i, l := range all {
		place := fmt.Sprintf("/payloads/%d", i)
		if !isLink(l.URL) {
			c.problem(place+"/url", fmt.Sprintf("%.80q: expected an http or https URL of at most 2048 bytes", l.URL))
		}
		if l.Digest.Validate() != nil || l.Digest.Algorithm() == digest.SHA384 {
			c.problem(place+"/digest", fmt.Sprintf("%.100q: expected sha256:<64 hex>", l.Digest))
		}
		if l.Size < 0 {
			c.problem(place+"/size", fmt.Sprintf("%d: expected bytes, 0 for not known", l.Size))
		}
		c.path(place+"/path", l.Path)
	}
}

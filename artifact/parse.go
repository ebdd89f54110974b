package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"
)

// ParsePlugin reads the JSON form of a plugin manifest. Fields that it does
// not know are passed over, so that an older registry keeps newer plugins.
// Errors are a *ProblemsError placed by JSON pointer.
func ParsePlugin(content []byte) (*Plugin, error) {
	if len(content) > MaxConfig {
		return nil, &ProblemsError{[]Problem{{Place: "/", Detail: fmt.Sprintf("%d bytes, expected at most %d", len(content), MaxConfig)}}}
	}
	p := new(Plugin)
	if err := json.Unmarshal(content, p); err != nil {
		return nil, &ProblemsError{[]Problem{decodeProblem(content, err)}}
	}
	problems := append(p.Check(), p.missing("/id", "/version")...)
	if err := asError(problems); err != nil {
		return nil, err
	}
	return p, nil
}

// decodeProblem says where the JSON breaks, by line and column.
func decodeProblem(content []byte, err error) Problem {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return Problem{Place: position(content, syntax.Offset), Detail: "not JSON: " + syntax.Error()}
	case errors.As(err, &typ):
		return Problem{Place: position(content, typ.Offset),
			Detail: fmt.Sprintf("field %q: %s came, expected %s", typ.Field, typ.Value, jsonType(typ.Type.Kind().String()))}
	case errors.Is(err, ErrInvalid):
		return Problem{Place: "/", Detail: reason(err)}
	}
	return Problem{Place: "/", Detail: err.Error()}
}

func jsonType(kind string) string {
	switch kind {
	case "slice", "array":
		return "a list"
	case "map", "struct":
		return "an object"
	case "bool":
		return "true or false"
	case "int", "int64", "float64":
		return "a number"
	}
	return "a text"
}

func position(content []byte, offset int64) string {
	before := string(content[:min(max(offset, 0), int64(len(content)))])
	line := strings.Count(before, "\n") + 1
	return fmt.Sprintf("line %d column %d", line, len(before)-strings.LastIndexByte(before, '\n'))
}

// Check names every problem in the values of p, required fields aside.
func (p *Plugin) Check() []Problem {
	var c checker
	p.limits(&c)
	for host, r := range p.Engines {
		if host.IsZero() || r.IsZero() {
			c.problem("/engines", "a host without id or range")
		}
	}
	for i, d := range p.Dependencies {
		place := fmt.Sprintf("/dependencies/%d", i)
		switch {
		case d.ID.IsZero():
			c.problem(place, "missing id")
		case d.Range.IsZero():
			c.problem(place, "missing range")
		case d.ID == p.ID:
			c.problem(place, fmt.Sprintf("%q depends on itself", d.ID))
		}
	}
	for i, pf := range p.Platforms {
		if pf.IsZero() {
			c.problem(fmt.Sprintf("/platforms/%d", i), "empty, expected os/arch")
		}
	}
	for i, l := range p.Payloads {
		c.payload(fmt.Sprintf("/payloads/%d", i), l)
	}
	if p.Entrypoint != "" && !SafePath(p.Entrypoint) {
		c.problem("/entrypoint", fmt.Sprintf("%q: expected a relative path inside the plugin, with forward slashes", p.Entrypoint))
	}
	return c.problems
}

type checker struct{ problems []Problem }

func (c *checker) problem(place, detail string) {
	c.problems = append(c.problems, Problem{Place: place, Detail: detail})
}

func (c *checker) payload(place string, l Payload) {
	if !strings.HasPrefix(l.URL, "https://") && !strings.HasPrefix(l.URL, "http://") {
		c.problem(place+"/url", fmt.Sprintf("%.80q: expected an http or https URL", l.URL))
	}
	if l.Digest.Validate() != nil || l.Digest.Algorithm() == digest.SHA384 {
		c.problem(place+"/digest", fmt.Sprintf("%.100q: expected sha256:<64 hex>", l.Digest))
	}
	if l.Size < 0 {
		c.problem(place+"/size", fmt.Sprintf("%d: expected bytes, 0 for not known", l.Size))
	}
	if l.Path != "" && !SafePath(l.Path) {
		c.problem(place+"/path", fmt.Sprintf("%q: expected a relative path inside the plugin, with forward slashes", l.Path))
	}
}

var drive = regexp.MustCompile(`^[A-Za-z]:`)

// SafePath reports whether p stays inside the directory that it is relative
// to on every operating system: no "..", no root, no drive, no backslash, no NUL.
func SafePath(p string) bool {
	if p == "" || p[0] == '/' || strings.ContainsAny(p, "\\\x00") || drive.MatchString(p) {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return false
		}
	}
	return true
}

package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// ParsePlugin reads the JSON form of a plugin manifest. Fields that it does
// not know are passed over, so that an older registry keeps newer plugins.
// Errors are a *ProblemsError placed by JSON pointer.
func ParsePlugin(content []byte) (*Plugin, error) {
	if len(content) > MaxConfig {
		return nil, &ProblemsError{[]Problem{{Place: "/", Detail: fmt.Sprintf("%d bytes, expected at most %d", len(content), MaxConfig)}}}
	}
	if problem := encodingProblem(content); problem != nil {
		return nil, &ProblemsError{[]Problem{*problem}}
	}
	p := new(Plugin)
	if err := UnmarshalStrict(content, p); err != nil {
		return nil, &ProblemsError{[]Problem{decodeProblem(content, err)}}
	}
	problems := append(p.Check(), p.missing("/id", "/version")...)
	if err := asError(problems); err != nil {
		return nil, err
	}
	return p, nil
}

// encodingProblem says that content is no UTF-8 text, as editors and shells of
// Windows write it, where nothing could be seen in what a parser quotes.
func encodingProblem(content []byte) *Problem {
	if what := Encoding(content); what != "" {
		return &Problem{Place: "line 1 column 1", Detail: what + ", expected UTF-8 without a byte order mark", Fix: "save it again as UTF-8"}
	}
	return nil
}

// Encoding names the encoding of a text that is not plain UTF-8; "" where it is.
func Encoding(content []byte) string {
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		return "it begins with a byte order mark (BOM)"
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		return "it is UTF-16"
	case !utf8.Valid(content):
		at := 0
		for at < len(content) {
			r, n := utf8.DecodeRune(content[at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		return fmt.Sprintf("it is not UTF-8 at line %d", bytes.Count(content[:at], []byte("\n"))+1)
	}
	return ""
}

// decodeProblem says where the JSON breaks, by line and column.
func decodeProblem(content []byte, err error) Problem {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	var refused *ProblemsError
	switch {
	case errors.As(err, &refused):
		return refused.Problems[0]
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
	for i, pf := range p.Platforms {
		if pf.IsZero() {
			c.problem(fmt.Sprintf("/platforms/%d", i), "empty, expected os/arch")
		}
	}
	c.dependencies(p)
	c.path("/entrypoint", p.Entrypoint)
	c.picture("/icon", p.Icon)
	c.contributes(p.Contributes)
	c.migrations(p.Migrations)
	c.screenshots(p.Screenshots)
	c.payloads(p.Payloads)
	if p.Support != nil {
		c.text("/support/policy", p.Support.Policy, MaxDescription)
		c.text("/support/email", p.Support.Email, 256)
		c.link("/support/url", p.Support.URL)
	}
	if s := bytes.TrimSpace(p.ConfigSchema); len(s) > 0 && s[0] != '{' && s[0] != 't' && s[0] != 'f' {
		c.problem("/config_schema", "expected a JSON Schema, which is an object, true or false")
	}
	return c.problems
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

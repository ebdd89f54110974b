package configschema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// The limits of a schema. MaxSize and MaxPlace are in bytes, also of a configuration.
const (
	MaxSize       = 64 << 10
	MaxPlace      = 1 << 10 // of the JSON pointer of a value
	MaxSubschemas = 1000
	MaxPattern    = 256
	MaxSteps      = 100_000

	maxDepth    = 64
	maxProblems = 16
)

// Where subschemas are, by the keywords of all drafts.
var (
	inValue = []string{"additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames",
		"then", "unevaluatedItems", "unevaluatedProperties"}
	inList = []string{"allOf", "anyOf", "items", "oneOf", "prefixItems"}
	inMap  = []string{"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)

// drafts are those that may be named by $schema, without their end.
var drafts = []string{
	"https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema",
	"http://json-schema.org/draft-06/schema", "http://json-schema.org/draft-04/schema",
}

// A document is a schema with the places of its subschemas.
type document struct {
	root     any
	places   map[string]any     // each subschema by its JSON pointer
	anchors  map[string]string  // pointers by the names that $anchor gives
	programs map[string]program // by the text of the pattern
	weight   int                // of all patterns
	bad      []artifact.Problem
}

// parse reads a schema and checks its limits. Errors are a *artifact.ProblemsError,
// placed by JSON pointers into the schema.
func parse(raw []byte) (*document, error) {
	root, err := Read(raw)
	if err != nil {
		return nil, err
	}
	d := &document{root: root, places: map[string]any{}, anchors: map[string]string{}, programs: map[string]program{}}
	d.walk("", root)
	if len(d.bad) == 0 {
		for _, at := range slices.Sorted(maps.Keys(d.places)) {
			d.reference(at, d.places[at])
		}
	}
	if len(d.bad) > 0 {
		return nil, &artifact.ProblemsError{Problems: d.bad}
	}
	return d, nil
}

// Read reads the JSON of a schema or of a configuration, numbers as json.Number.
// It refuses more than MaxSize bytes, a key twice, a value whose JSON pointer is
// longer than MaxPlace, and numbers and nesting that other readers do not take. Errors are a *artifact.ProblemsError.
func Read(raw []byte) (any, error) {
	if len(raw) > MaxSize {
		return nil, refused("", fmt.Sprintf("%d bytes, expected at most %d", len(raw), MaxSize))
	}
	if err := artifact.CheckStrict(raw, nil); err != nil {
		return nil, refused("", "expected JSON: "+err.Error())
	}
	if err := artifact.CheckCharacters(raw); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, refused("", "expected JSON: "+err.Error())
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, refused("", "expected one JSON document")
	}
	return v, plain("", v, 0)
}

func refused(at, detail string) error {
	return &artifact.ProblemsError{Problems: []artifact.Problem{{Place: at, Detail: detail}}}
}

// plain refuses what readers of JSON take differently.
func plain(at string, v any, depth int) error {
	if depth > maxDepth {
		return refused(at, fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	if len(at) > MaxPlace { // all that is below a long key would be named by it again
		parent := at[:strings.LastIndexByte(at, '/')]
		return refused(parent, fmt.Sprintf("the pointer to %.80q has %d bytes, expected at most %d; use shorter keys", at[len(parent):], len(at), MaxPlace))
	}
	switch v := v.(type) {
	case json.Number:
		return number(at, v)
	case []any:
		for i, item := range v {
			if err := plain(at+"/"+strconv.Itoa(i), item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := plain(at+"/"+escape.Replace(key), v[key], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// mostExact is the largest integer that every reader keeps, 2^53.
const mostExact = 1 << 53

// number refuses one that a reader with floating point would change.
func number(at string, n json.Number) error {
	text := strings.ToLower(n.String())
	mantissa, exponent, _ := strings.Cut(text, "e")
	if e, err := strconv.Atoi(exponent); exponent != "" && (err != nil || e > 308 || e < -308) || len(mantissa) > 64 {
		return refused(at, fmt.Sprintf("the number %.40s: expected at most 64 digits and an exponent of at most 308", text))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return refused(at, fmt.Sprintf("the number %.40s: expected one that a double holds", text))
	}
	if !strings.ContainsAny(text, ".e") && (f > mostExact || f < -mostExact) {
		return refused(at, fmt.Sprintf("the number %.40s: expected an integer between -2^53 and 2^53; write a larger one as a text", text))
	}
	return nil
}

// escape makes one segment of a JSON pointer (RFC 6901).
var escape = strings.NewReplacer("~", "~0", "/", "~1")

func (d *document) problem(at, format string, args ...any) {
	if len(d.bad) < maxProblems {
		d.bad = append(d.bad, artifact.Problem{Place: at, Detail: fmt.Sprintf(format, args...)})
	}
}

// walk takes down what is at a place where a schema is expected.
func (d *document) walk(at string, v any) {
	if len(d.places) == MaxSubschemas {
		if len(d.bad) == 0 || d.bad[len(d.bad)-1].Place != "" {
			d.problem("", "more than %d subschemas", MaxSubschemas)
		}
		return
	}
	d.places[at] = v
	s, is := v.(map[string]any)
	if !is {
		if _, is := v.(bool); !is {
			d.problem(at, "expected a JSON Schema, which is an object, true or false")
		}
		return
	}
	d.keywords(at, s)
	for _, word := range inValue {
		if v, is := s[word]; is {
			if _, list := v.([]any); !list || word != "items" {
				d.walk(at+"/"+word, v)
			}
		}
	}
	for _, word := range inList {
		list, _ := s[word].([]any)
		for i, v := range list {
			d.walk(at+"/"+word+"/"+strconv.Itoa(i), v)
		}
	}
	for _, word := range inMap {
		m, _ := s[word].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if _, list := m[key].([]any); list && word == "dependencies" {
				continue // of names
			}
			if word == "patternProperties" {
				d.pattern(at+"/"+word+"/"+escape.Replace(key), key)
			}
			d.walk(at+"/"+word+"/"+escape.Replace(key), m[key])
		}
	}
}

// keywords checks those that limit what a schema costs, and that say what it means.
func (d *document) keywords(at string, s map[string]any) {
	if text, is := s["pattern"].(string); is {
		d.pattern(at+"/pattern", text)
	}
	if name, is := s["$anchor"].(string); is {
		d.anchors[name] = at
	}
	for _, word := range []string{"$dynamicRef", "$recursiveRef", "$vocabulary"} {
		if _, is := s[word]; is {
			d.problem(at+"/"+word, "expected no %s: what it means depends on who refers here; use $ref", word)
		}
	}
	id, named := s["$id"].(string)
	if named && at != "" {
		d.problem(at+"/$id", "%.80q: expected $id at the root alone; name a subschema by $anchor, or refer to it by its place", id)
	}
	if draft, is := s["$schema"]; is {
		text, _ := draft.(string)
		if at == "" && !slices.Contains(drafts, strings.TrimSuffix(text, "#")) {
			d.problem("/$schema", "%.120q: expected one of %s", text, strings.Join(drafts, ", "))
		}
	}
}

// reference checks that what a subschema refers to is in the document.
func (d *document) reference(at string, v any) {
	s, _ := v.(map[string]any)
	ref, is := s["$ref"]
	if !is {
		return
	}
	text, _ := ref.(string)
	if _, ok := d.target(text); !ok {
		d.problem(at+"/$ref", "%.120q: expected a reference to a subschema of this document, such as #/$defs/name or #anchor", text)
	}
}

// target is the place to which a reference leads.
func (d *document) target(ref string) (string, bool) {
	fragment, local := strings.CutPrefix(ref, "#")
	if !local {
		return "", false
	}
	if fragment != "" && fragment[0] != '/' {
		at, ok := d.anchors[fragment]
		return at, ok
	}
	at, ok := unpercent(fragment)
	if ok {
		_, ok = d.places[at]
	}
	return at, ok
}

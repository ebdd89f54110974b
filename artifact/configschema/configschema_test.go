package configschema_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/configschema"
)

// doubling is a schema of n levels, each of which applies the next one twice.
func doubling(n int, draft, last string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{%s"$ref":"#/$defs/d0","$defs":{`, draft)
	for i := range n {
		fmt.Fprintf(&b, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d":%s}}`, n, last)
	return b.String()
}

// patterns is a schema of n patterns that begin alike.
func patterns(n int, begin string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"pattern":"%s%d"}`, begin, i))
	}
	return `{"allOf":[` + strings.Join(all, ",") + `]}`
}

// Proves I4: a schema beyond the limits is refused, with what is wrong and where.
func TestASchemaBeyondTheLimitsIsRefused_I4(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("k", 400)
	for name, row := range map[string]struct{ schema, place, detail string }{
		"a file":                       {`{"$ref":"file://` + secret + `"}`, "/$ref", "of this document"},
		"a file by its path":           {`{"properties":{"a":{"$ref":"` + secret + `"}}}`, "/properties/a/$ref", "of this document"},
		"a file next to it":            {`{"$ref":"other.json#/x"}`, "/$ref", "of this document"},
		"the network":                  {`{"allOf":[{"$ref":"https://example.org/x.json"}]}`, "/allOf/0/$ref", "of this document"},
		"a draft's own schema":         {`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, "/$ref", "of this document"},
		"by its own name":              {`{"$id":"https://a.example/x","$ref":"https://a.example/x#/$defs/a","$defs":{"a":true}}`, "/$ref", "of this document"},
		"a dialect in a file":          {`{"$schema":"file://` + secret + `"}`, "/$schema", "draft/2020-12"},
		"a dialect of the network":     {`{"$schema":"https://example.org/dialect"}`, "/$schema", "draft/2020-12"},
		"nothing there":                {`{"$ref":"#/$defs/none"}`, "/$ref", "of this document"},
		"a place that is no schema":    {`{"$ref":"#/default","default":{"type":"object"}}`, "/$ref", "of this document"},
		"a reference by a name inside": {`{"$defs":{"a":{"$id":"b","$ref":"#"}}}`, "/$defs/a/$id", "at the root alone"},
		"a dynamic reference":          {`{"$dynamicRef":"#a","$dynamicAnchor":"a"}`, "/$dynamicRef", "use $ref"},
		"a reference that is a number": {`{"$ref":7}`, "/$ref", "of this document"},
		"too large":                    {`{"title":"` + strings.Repeat("x", configschema.MaxSize) + `"}`, "", "expected at most 65536"},
		"too many subschemas":          {`{"anyOf":[` + strings.Repeat("true,", configschema.MaxSubschemas) + `true]}`, "", "more than 1000 subschemas"},
		"too deep":                     {strings.Repeat(`{"not":`, 100) + "true" + strings.Repeat("}", 100), strings.Repeat("/not", 65), "nested more than 64"},
		"a long key":                   {`{"default":{"` + strings.Repeat("k", 1016) + `":1}}`, "/default", "has 1025 bytes, expected at most 1024"},
		"long keys in all":             {strings.Repeat(`{"default":{"`+long+`":`, 3) + "1}}}}}}", strings.Repeat("/default/"+long, 2) + "/default", "most 1024"},
		"a long pattern":               {`{"pattern":"` + strings.Repeat("a", 257) + `"}`, "/pattern", "expected at most 256"},
		"a long pattern of names":      {`{"patternProperties":{"` + strings.Repeat("a", 257) + `":true}}`, "/patternProperties/" + strings.Repeat("a", 257), "expected at most 256"},
		"a pattern that repeats much":  {`{"pattern":"` + strings.Repeat(".{1000}", 35) + `"}`, "/pattern", "takes 35070 instructions, expected at most 10000"},
		"nested repetitions":           {`{"pattern":"((abcdefghijklmnopqr){30}s?){30}"}`, "/pattern", "expected at most 10000"},
		"patterns that repeat much":    {patterns(50, "a{990}"), "/allOf/40/pattern", "expected at most 40000 in all"},
		"wide ranges of any case":      {`{"pattern":"(?s-m:(?i)[` + strings.Repeat(`B-\\x{1e942}`, 5) + `])"}`, "/pattern", "expected at most 10000"},
		"wide ranges in many patterns": {patterns(50, "(?i)[B-\U0001e942]"), "/allOf/15/pattern", "expected at most 40000 in all"},
		"classes in many patterns":     {patterns(50, `[`+strings.Repeat(`\\PL`, 60)+`]`), "/allOf/13/pattern", "expected at most 40000 in all"},
		"a pattern with lookaround":    {`{"pattern":"(?=a)b"}`, "/pattern", "RE2"},
		"a pattern that is none":       {`{"properties":{"a/b":{"pattern":"("}}}`, "/properties/a~1b/pattern", "RE2"},
		"an endless number":            {`{"minimum":1e999999999}`, "/minimum", "exponent of at most 308"},
		"a tiny number":                {`{"multipleOf":1e-999999999}`, "/multipleOf", "exponent of at most 308"},
		"a word that is none of JSON":  {`{"type":`, "", "expected JSON"},
		"two documents":                {`{} {}`, "", "expected JSON"},
		"a key twice":                  {`{"type":"object","type":"string"}`, "", "twice"},
		"a type that there is not":     {`{"properties":{"a":{"type":"text"}}}`, "/properties/a/type", "expected"},
		"a text":                       {`"object"`, "", "expected a JSON Schema"},
		"properties that are a list":   {`{"properties":[]}`, "/properties", "expected object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := configschema.Parse([]byte(row.schema))
			var all *artifact.ProblemsError
			if !errors.As(err, &all) || !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("%v, expected problems", err)
			}
			if !slices.ContainsFunc(all.Problems, func(p artifact.Problem) bool { return p.Place == row.place && strings.Contains(p.Detail, row.detail) }) {
				t.Errorf("%v, expected %q at %q", err, row.detail, row.place)
			}
		})
	}
}

func parsed(t testing.TB, schema string) *configschema.Schema {
	t.Helper()
	s, err := configschema.Parse([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func document(t testing.TB, raw string) any {
	t.Helper()
	doc, err := configschema.Read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Proves I4: a small schema that costs much to apply could not be told, soon. Each
// of these would take from seconds to longer than anybody waits.
func TestASchemaThatCostsTooMuchCouldNotBeTold_I4(t *testing.T) {
	t.Parallel()
	chain := `{"$defs":{` // of references alone, each applied many times
	for i := range 900 {
		chain += fmt.Sprintf(`"d%d":{"$ref":"#/$defs/d%d"},`, i, i+1)
	}
	chain += `"d900":true},"$schema":"http://json-schema.org/draft-07/schema#","items":{"$ref":"#/$defs/d0"}}`
	list := func(n int, item string) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	var numbers, names []string
	for i := range 8000 {
		numbers = append(numbers, fmt.Sprint(i))
	}
	for i := range 5000 {
		names = append(names, fmt.Sprintf(`"n%d":1`, i))
	}
	for name, row := range map[string][2]string{
		"nested allOf":              {doubling(40, "", `{"type":"object"}`), `{}`},
		"nested allOf of draft 7":   {doubling(40, `"$schema":"http://json-schema.org/draft-07/schema#",`, `true`), `{}`},
		"nested allOf that refuses": {doubling(40, "", `{"type":"string"}`), `{}`},
		"a long chain, many times":  {chain, list(20000, "1")},
		"many values, many times":   {`{"items":{"enum":[` + strings.Join(numbers, ",") + `]}}`, list(12000, "9999")},
		"names that go with others": {`{"items":{"dependencies":{` + strings.ReplaceAll(strings.Join(names, ","), ":1", ":[]") + `}}}`, list(20000, "{}")},
		"a pattern on long texts":   {`{"items":{"allOf":[` + strings.Repeat(`{"pattern":"[^x]{900}y"},`, 100) + `true]}}`, `["` + strings.Repeat("z", 60000) + `"]`},
		"names and patterns":        {`{"allOf":[` + strings.Repeat(`{"patternProperties":{"a.*b.*c":true}},`, 300) + `true]}`, `{` + strings.Join(names, ",") + `}`},
		"conditions":                {`{"items":{"if":{"allOf":[` + strings.Repeat(`{"not":{"type":"number"}},`, 300) + `true]},"then":true}}`, list(15000, `"x"`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if bad, err := parsed(t, row[0]).Validate(document(t, row[1])); !errors.Is(err, configschema.ErrSteps) {
				t.Errorf("%v, %v, expected that it could not be told", bad, err)
			}
		})
	}
}

// Proves I4: telling that a schema costs too much does not cost much itself. The
// values that it lists were counted again for each item, which took seconds.
func TestCountingStepsIsCheap_I4(t *testing.T) {
	zeros := "[" + strings.Repeat("0,", 32000) + "0]"
	s, doc := parsed(t, `{"items":{"enum":`+zeros+`}}`), document(t, zeros)
	best := time.Hour // of some, as others may be at work here
	for range 3 {
		start := time.Now()
		if bad, err := s.Validate(doc); !errors.Is(err, configschema.ErrSteps) {
			t.Fatalf("%v, %v, expected that it could not be told", bad, err)
		}
		best = min(best, time.Since(start))
	}
	if best > time.Second {
		t.Errorf("it took %v to tell, expected some milliseconds", best)
	}
}

// Proves I4: what is below a long key is not named by all of it, again and again.
// One that is allowed costs little more than one that is short.
func TestLongKeysCostLittle_I4(t *testing.T) {
	const schema, value = `{"additionalProperties":{"items":{"type":"number"}}}`, 30000
	raw := func(key int) []byte {
		return []byte(`{"` + strings.Repeat("k", key) + `":[` + strings.Repeat("0,", value-1) + `0]}`)
	}
	if _, err := configschema.Read(raw(configschema.MaxPlace)); !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "shorter keys") {
		t.Errorf("%v, expected that the key is too long", err)
	}
	s := parsed(t, schema)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := s.Secrets(document(t, string(raw(configschema.MaxPlace-10)))); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 150 {
		t.Errorf("%d MiB were allocated, expected no more than two places for each of %d values", took, value)
	}
}

// Proves I4: a value that must be a pattern costs no more than one of the schema.
func TestAPatternInAConfigurationIsHeldToTheLimits_I4(t *testing.T) {
	t.Parallel()
	s := parsed(t, `{"$schema":"http://json-schema.org/draft-07/schema#","items":{"format":"regex"}}`)
	bad, err := s.Validate(document(t, `["^[a-z]{1,63}$","`+strings.Repeat(".{1000}", 35)+`"]`))
	if err != nil || len(bad) != 1 || bad[0].Place != "/1" {
		t.Errorf("%v, %v, expected a problem with /1 alone", bad, err)
	}
	many := `["` + strings.Repeat(strings.Repeat(".{1000}", 9)+`","`, 900) + `"]`
	if bad, err = s.Validate(document(t, many)); !errors.Is(err, configschema.ErrSteps) {
		t.Errorf("%v, %v, expected that it could not be told", bad, err)
	}
}

// Proves I4: the patterns that publishers write are within the limits.
func TestUsualPatternsAreTaken_I4(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`^.{1,1000}$`, `^[\\p{L}\\p{M}\\p{N} .'-]{1,255}$`, `(?i)^[a-z0-9_-]+@[à-ÿ]+$`,
		`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$`, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`,
	} {
		parsed(t, `{"pattern":"`+text+`"}`)
	}
	parsed(t, patterns(400, `^[a-z]{1,32}-`))
}

// Proves I4: what does not follow the schema is named by its key, and no value is told.
func TestTheKeyIsNamedAndNoValueTold_I4(t *testing.T) {
	t.Parallel()
	const schema = `{"$id":"https://acme.example/config.json","type":"object","required":["url"],"additionalProperties":false,"properties":{
		"url":{"type":"string","pattern":"^https://"},"limits":{"$ref":"#/$defs/limits"},"mode":{"enum":["a","b"]},"at":{"const":1},
		"who":{"anyOf":[{"type":"number"},{"type":"object","properties":{"name":{"minLength":40}}}]},
		"tags":{"type":"array","uniqueItems":true,"maxItems":2,"items":{"maxLength":3}}},
		"$defs":{"limits":{"type":"object","properties":{"max":{"type":"integer","minimum":1,"maximum":9}}}}}`
	s := parsed(t, schema)
	for name, row := range map[string]struct {
		doc  string
		want []string
	}{
		"all is well":      {`{"url":"https://a","limits":{"max":3},"mode":"a","tags":["x","y"]}`, nil},
		"nothing of it":    {`{}`, []string{`: expected "url"`}},
		"the wrong kind":   {`{"url":7}`, []string{"/url: number came, expected string"}},
		"a pattern":        {`{"url":"s3cret"}`, []string{`/url: expected a text that matches "^https://"`}},
		"deep down":        {`{"url":"https://a","limits":{"max":4242}}`, []string{"/limits/max: expected at most 9"}},
		"several":          {`{"url":"s3cret","limits":{"max":0},"mode":"s3cret"}`, []string{"/limits/max: expected at least 1", `/mode: expected one of ["a","b"]`, `/url: expected a text that matches "^https://"`}},
		"unknown":          {`{"url":"https://a","zone":"s3cret"}`, []string{`: expected no "zone"`}},
		"a choice":         {`{"url":"https://a","who":{"name":"s3cret"}}`, []string{"/who/name: expected at least 40 characters"}},
		"a list":           {`{"url":"https://a","tags":["s3cret","s3cret","a"]}`, []string{"/tags/0: expected at most 3 characters", "/tags/1: expected at most 3 characters", "/tags: expected at most 2 items", "/tags: expected no item twice"}},
		"not what is said": {`{"url":"https://a","at":4242}`, []string{"/at: expected 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, err := s.Validate(document(t, row.doc))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range bad {
				got = append(got, p.String())
			}
			slices.Sort(got)
			if d := cmp.Diff(row.want, got); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
			if all := strings.Join(got, " "); strings.Contains(all, "s3cret") || strings.Contains(all, "4242") {
				t.Errorf("a value is told: %s", all)
			}
		})
	}
}

// Proves I4: a value is a secret wherever a schema that may apply to it says so.
func TestSecretsAreFoundAtAnyDepth_I4(t *testing.T) {
	t.Parallel()
	const w = `{"writeOnly":true}`
	for name, row := range map[string]struct {
		schema, doc string
		want        []string
	}{
		"a member":                   {`{"properties":{"a":` + w + `}}`, `{"a":1,"b":2}`, []string{"/a"}},
		"not writeOnly":              {`{"properties":{"a":{"writeOnly":false}}}`, `{"a":1}`, nil},
		"a member called writeOnly":  {`{"properties":{"writeOnly":true}}`, `{"writeOnly":true}`, nil},
		"deep down":                  {`{"properties":{"a":{"properties":{"b~/c":` + w + `}}}}`, `{"a":{"b~/c":1}}`, []string{"/a/b~0~1c"}},
		"all of an object":           {`{"properties":{"a":{"writeOnly":true,"properties":{"b":` + w + `}}}}`, `{"a":{"b":1},"a0":1}`, []string{"/a"}},
		"in a list":                  {`{"properties":{"a":{"items":{"properties":{"k":` + w + `}}}}}`, `{"a":[{"k":1},{},{"k":2}]}`, []string{"/a/0/k", "/a/2/k"}},
		"in an ordered list":         {`{"properties":{"a":{"prefixItems":[true,` + w + `]}}}`, `{"a":[1,2,3]}`, []string{"/a/1"}},
		"in an ordered list of old":  {`{"$schema":"http://json-schema.org/draft-07/schema#","items":[true,` + w + `]}`, `[1,2,3]`, []string{"/1"}},
		"by reference":               {`{"properties":{"a":{"$ref":"#/$defs/s"}},"$defs":{"s":` + w + `}}`, `{"a":1}`, []string{"/a"}},
		"by anchor":                  {`{"properties":{"a":{"$ref":"#s"}},"$defs":{"s":{"$anchor":"s","writeOnly":true}}}`, `{"a":1}`, []string{"/a"}},
		"beside a reference of old":  {`{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$ref":"#/definitions/s","writeOnly":true}},"definitions":{"s":true}}`, `{"a":1}`, []string{"/a"}},
		"in a draft that has none":   {`{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":` + w + `}}`, `{"a":1}`, []string{"/a"}},
		"by a choice":                {`{"anyOf":[{"properties":{"a":{"type":"string"}}},{"properties":{"a":` + w + `}}]}`, `{"a":"x"}`, []string{"/a"}},
		"by one of":                  {`{"oneOf":[{"properties":{"a":` + w + `}}]}`, `{"a":1}`, []string{"/a"}},
		"by all of":                  {`{"allOf":[{"properties":{"a":` + w + `}}]}`, `{"a":1}`, []string{"/a"}},
		"where a condition fails":    {`{"if":{"required":["z"]},"then":{"properties":{"a":` + w + `}}}`, `{"a":1}`, []string{"/a"}},
		"by what it depends on":      {`{"dependentSchemas":{"z":{"properties":{"a":` + w + `}}}}`, `{"a":1}`, []string{"/a"}},
		"by a pattern":               {`{"patternProperties":{"^p_":` + w + `}}`, `{"p_x":1,"x":2}`, []string{"/p_x"}},
		"all others":                 {`{"properties":{"a":true},"additionalProperties":` + w + `}`, `{"a":1,"b":2}`, []string{"/b"}},
		"the whole":                  {`{"writeOnly":true,"type":"object"}`, `{"a":1}`, []string{""}},
		"a schema that says nothing": {`{}`, `{"a":1}`, []string{""}},
		"true":                       {`true`, `{"a":1}`, []string{""}},
		"a schema within itself":     {`{"properties":{"next":{"$ref":"#"},"k":` + w + `}}`, `{"next":{"next":{"k":1}},"k":2}`, []string{"/k", "/next/next/k"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parsed(t, row.schema).Secrets(document(t, row.doc))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(row.want, got); d != "" {
				t.Errorf("secrets (-want +got):\n%s", d)
			}
		})
	}
}

// Proves I4: which values are secrets could not be told, rather than some.
func TestWhichAreSecretsCouldNotBeTold_I4(t *testing.T) {
	t.Parallel()
	var lists, names strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&lists, `"%d":[],`, i)
	}
	for i := range 60 {
		fmt.Fprintf(&names, `"%d%s":1,`, i, strings.Repeat("a", 900))
	}
	const many = `{"properties":{"a":{"type":"number"}}},`
	for name, row := range map[string][2]string{
		"subschemas and values": {`{"items":{"allOf":[` + strings.Repeat(many, 300) + `{"writeOnly":true}]}}`, `[` + strings.Repeat(`{"a":1},`, 2000) + `1]`},
		"names with others":     {`{"items":{"dependencies":{` + lists.String() + `"x":[]}}}`, `[` + strings.Repeat("{},", 2000) + `1]`},
		"a large pattern":       {`{"patternProperties":{"(a|.){900}x":{"type":"number"}}}`, `{` + names.String() + `"b":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := parsed(t, row[0]).Secrets(document(t, row[1])); !errors.Is(err, configschema.ErrSteps) {
				t.Errorf("%d secrets, %v, expected that it could not be told", len(got), err)
			}
		})
	}
}

// Proves I4: no schema and no document takes long, panics, or is judged twice differently.
func FuzzConfigSchema(f *testing.F) {
	for _, schema := range []string{doubling(12, "", "true"), doubling(3, "", `{"type":"object"}`), `{"properties":{"a":{"writeOnly":true}}}`, `{"$ref":"file:///etc/passwd"}`, `true`,
		`{"pattern":"("}`, `{"minimum":1e99999}`, `{"items":{"$ref":"#"},"uniqueItems":true}`, `{"$anchor":"a","not":{"$ref":"#a"}}`} {
		for _, doc := range []string{`{"a":[1,2,{"b":"c"}]}`, `[[[]],1]`, `"x"`, `1e5`} {
			f.Add([]byte(schema), []byte(doc))
		}
	}
	f.Fuzz(func(t *testing.T, schema, doc []byte) {
		s, err := configschema.Parse(schema)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("the schema: %v", err)
			}
			return
		}
		v, err := configschema.Read(doc)
		if err != nil {
			return
		}
		one, err := s.Validate(v)
		two, err2 := s.Validate(v)
		if (err == nil) != (err2 == nil) || (len(one) == 0) != (len(two) == 0) {
			t.Fatalf("judged twice: %v, %v and %v, %v", one, err, two, err2)
		}
		_, _ = s.Secrets(v)
	})
}

package artifact_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

type schemaRow struct {
	document string
	good     bool
}

// with is a good document with more fields.
func with(fields string) string { return `{"id":"acme/hello","version":"1.2.3",` + fields + `}` }

var schemaRows = map[string]schemaRow{
	"id and version are enough":              {`{"id":"acme/hello","version":"1.2.3"}`, true},
	"unknown fields are passed over":         {with(`"future":{"x":1}`), true},
	"a list is no manifest":                  {`[]`, false},
	"no id":                                  {`{"version":"1.2.3"}`, false},
	"no version":                             {`{"id":"acme/hello"}`, false},
	"an id without publisher":                {`{"id":"hello","version":"1.2.3"}`, false},
	"an id with upper case":                  {`{"id":"Acme/hello","version":"1.2.3"}`, false},
	"an id with two hyphens":                 {`{"id":"acme/he--llo","version":"1.2.3"}`, false},
	"an id that is too short":                {`{"id":"acme/h","version":"1.2.3"}`, false},
	"an id that is a number":                 {`{"id":7,"version":"1.2.3"}`, false},
	"a version with leading v":               {`{"id":"acme/hello","version":"v1.2.3"}`, false},
	"a version with a leading zero":          {`{"id":"acme/hello","version":"1.02.3"}`, false},
	"a version of two numbers":               {`{"id":"acme/hello","version":"1.2"}`, false},
	"a version with all parts":               {`{"id":"acme/hello","version":"1.2.3-rc.1+build.5"}`, true},
	"all texts":                              {with(`"name":"Hello","description":"Says hello.","vendor":"Acme","tier":"pro","pricing":"free","revision":"abc","license":"MIT OR Apache-2.0","readme":"# Hi","changelog":"## 1.2.3"`), true},
	"a name that is a list":                  {with(`"name":["Hello"]`), false},
	"a name beyond its limit":                {with(`"name":"` + strings.Repeat("n", 129) + `"`), false},
	"a readme beyond its limit":              {with(`"readme":"` + strings.Repeat("n", 262145) + `"`), false},
	"keywords":                               {with(`"keywords":["a","b c"],"categories":["x"],"niches":["y"]`), true},
	"a keyword with a comma":                 {with(`"keywords":["a,b"]`), false},
	"a keyword of nothing":                   {with(`"keywords":[""]`), false},
	"a keyword with space around":            {with(`"keywords":[" a"]`), false},
	"a keyword with a line break":            {with(`"keywords":["a\nb"]`), false},
	"sixty-five keywords":                    {with(`"keywords":[` + strings.Repeat(`"k",`, 64) + `"k"]`), false},
	"keywords that are one text":             {with(`"keywords":"a,b"`), false},
	"links":                                  {with(`"homepage":"https://example.org","repository":"http://example.org/x?y#z","documentation":"https://example.org/d"`), true},
	"a link to a file":                       {with(`"homepage":"file:///etc/passwd"`), false},
	"a link to a script":                     {with(`"homepage":"javascript:alert(1)"`), false},
	"a link without host":                    {with(`"homepage":"https://"`), false},
	"a link that is a word":                  {with(`"repository":"example.org"`), false},
	"an icon in the content":                 {with(`"icon":"img/icon.svg"`), true},
	"an icon elsewhere":                      {with(`"icon":"https://example.org/i.png"`), true},
	"an icon outside":                        {with(`"icon":"../icon.svg"`), false},
	"created":                                {with(`"created":"2026-01-02T03:04:05Z"`), true},
	"created in a zone":                      {with(`"created":"2026-01-02T03:04:05.5+02:00"`), true},
	"created without time":                   {with(`"created":"2026-01-02"`), false},
	"engines":                                {with(`"engines":{"acme-editor":">=1.4 <3","kubectl":"^1.2 || ~2.3.4"}`), true},
	"ranges of all forms":                    {with(`"engines":{"a":"*","b":"1.x","c":"1.2 - 2.3","d":">= 1.2, != 1.5.0","e":"=1.0.0-rc.1","f":"v1"}`), true},
	"an engine without range":                {with(`"engines":{"acme-editor":""}`), false},
	"an engine with words as range":          {with(`"engines":{"acme-editor":"newest"}`), false},
	"an engine whose host has upper case":    {with(`"engines":{"Acme":"*"}`), false},
	"engines as a list":                      {with(`"engines":["acme-editor"]`), false},
	"platforms":                              {with(`"platforms":["linux/amd64","linux/arm/v7"]`), true},
	"a platform with a hyphen":               {with(`"platforms":["linux-amd64"]`), false},
	"a platform without arch":                {with(`"platforms":["linux"]`), false},
	"a platform of nothing":                  {with(`"platforms":[""]`), false},
	"an entry point":                         {with(`"entrypoint":"bin/hello"`), true},
	"an entry point outside":                 {with(`"entrypoint":"../hello"`), false},
	"an entry point outside, further in":     {with(`"entrypoint":"bin/../../hello"`), false},
	"an entry point from the root":           {with(`"entrypoint":"/bin/sh"`), false},
	"an entry point on a drive":              {with(`"entrypoint":"C:/hello"`), false},
	"an entry point with backslashes":        {with(`"entrypoint":"bin\\hello"`), false},
	"permissions by name and as objects":     {with(`"permissions":["net",{"name":"fs","reason":"to save","optional":true}]`), true},
	"a permission without name":              {with(`"permissions":[{"reason":"x"}]`), false},
	"a permission with a comma":              {with(`"permissions":["net,fs"]`), false},
	"a permission that is a number":          {with(`"permissions":[1]`), false},
	"dependencies":                           {with(`"dependencies":[{"id":"acme/base","range":"^1"},{"id":"acme/more","range":"*","optional":true}]`), true},
	"a dependency without range":             {with(`"dependencies":[{"id":"acme/base"}]`), false},
	"a dependency without id":                {with(`"dependencies":[{"range":"*"}]`), false},
	"a dependency as a text":                 {with(`"dependencies":["acme/base"]`), false},
	"contributions":                          {with(`"contributes":{"commands":[{"id":"hello.say","title":"Say hello"}]}`), true},
	"a contribution without id":              {with(`"contributes":{"commands":[{"title":"Say hello"}]}`), false},
	"a migration":                            {with(`"migrations":[{"from":"<1.0.0","description":"Rows become columns.","reversible":true}]`), true},
	"a migration without description":        {with(`"migrations":[{"from":"<1.0.0"}]`), false},
	"a migration from nothing":               {with(`"migrations":[{"description":"x"}]`), false},
	"support":                                {with(`"support":{"policy":"two years","email":"help@example.org","url":"https://example.org/help"}`), true},
	"support at a word":                      {with(`"support":{"url":"help"}`), false},
	"screenshots":                            {with(`"screenshots":[{"path":"img/1.png","alt":"one"},{"url":"https://example.org/2.png","alt":"two"}]`), true},
	"a screenshot without words":             {with(`"screenshots":[{"path":"img/1.png"}]`), false},
	"a screenshot of nothing":                {with(`"screenshots":[{"alt":"one"}]`), false},
	"a screenshot twice":                     {with(`"screenshots":[{"path":"1.png","url":"https://example.org/1.png","alt":"one"}]`), false},
	"payloads":                               {with(`"payloads":[{"url":"https://example.org/x.zip","digest":"` + someDigest + `","size":12,"path":"bin/x","platform":"linux/amd64"}]`), true},
	"a payload without digest":               {with(`"payloads":[{"url":"https://example.org/x.zip"}]`), false},
	"a payload with a short digest":          {with(`"payloads":[{"url":"https://example.org/x.zip","digest":"sha256:00"}]`), false},
	"a payload by ftp":                       {with(`"payloads":[{"url":"ftp://example.org/x.zip","digest":"` + someDigest + `"}]`), false},
	"a payload of negative size":             {with(`"payloads":[{"url":"https://example.org/x","digest":"` + someDigest + `","size":-1}]`), false},
	"a payload that goes outside":            {with(`"payloads":[{"url":"https://example.org/x","digest":"` + someDigest + `","path":"../x"}]`), false},
	"a config schema":                        {with(`"config_schema":{"type":"object"}`), true},
	"a config schema that takes all":         {with(`"config_schema":true`), true},
	"a config schema that is a text":         {with(`"config_schema":"object"`), false},
	"a reference to this schema for editors": {with(`"$schema":"https://oarlock.dev/schema/plugin.v1.json"`), true},
}

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(artifact.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plugin.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaAndParserAgree_A2(t *testing.T) {
	t.Parallel()
	compiled := compileSchema(t)
	for name, row := range schemaRows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(row.document))
			if err != nil {
				t.Fatal(err)
			}
			bySchema := compiled.Validate(doc)
			_, byParser := artifact.ParsePlugin([]byte(row.document))
			if (bySchema == nil) != row.good {
				t.Errorf("by the schema: %v, expected good %v", bySchema, row.good)
			}
			if (byParser == nil) != row.good {
				t.Errorf("by the parser: %v, expected good %v", byParser, row.good)
			}
		})
	}
}

// Every field has its place and a description in the schema, and the schema
// has no field that nobody reads.
func TestSchemaDescribesEveryField_A2(t *testing.T) {
	t.Parallel()
	var doc struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(artifact.Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	var fields []string
	for field := range reflect.TypeFor[artifact.Plugin]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	slices.Sort(fields)
	delete(doc.Properties, "$schema")
	if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(doc.Properties))); diff != "" {
		t.Errorf("fields (-Plugin +schema):\n%s", diff)
	}
	for name, p := range doc.Properties {
		if p.Description == "" {
			t.Errorf("%q has no description", name)
		}
	}
}

func TestRulesThatSpanFieldsAreTheParsers_A2(t *testing.T) {
	t.Parallel()
	for name, row := range map[string][2]string{
		"a plugin that needs itself":           {with(`"dependencies":[{"id":"acme/hello","range":"*"}]`), "depends on itself"},
		"a dependency that is twice":           {with(`"dependencies":[{"id":"acme/base","range":"*"},{"id":"acme/base","range":"^1"}]`), "/dependencies/1: \"acme/base\" is there twice"},
		"a name of 129 bytes in 43 characters": {with(`"name":"` + strings.Repeat("\u20ac", 43) + `"`), "129 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := artifact.ParsePlugin([]byte(row[0])); err == nil || !strings.Contains(err.Error(), row[1]) {
				t.Errorf("error %v, expected %q", err, row[1])
			}
		})
	}
}

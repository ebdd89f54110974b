package attest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// ours are the schemas of what has none of its own, or of what an official one
// leaves out; official are the others, as they are published.
//
//go:embed schema/*.json
var ours embed.FS

//go:embed schema/official/*.gz
var official embed.FS

// The places from which schemas refer to each other.
const (
	oursAt      = "oarlock:"
	cycloneDXAt = "http://cyclonedx.org/schema/"
	spdxAt      = "http://spdx.org/rdf/terms/2.3"
)

// schemaAt compiles a schema when it is first needed: the official ones are large.
var schemaAt = func() map[string]func() *jsonschema.Schema {
	out := map[string]func() *jsonschema.Schema{}
	add := func(url string) {
		out[url] = sync.OnceValue(func() *jsonschema.Schema {
			c := jsonschema.NewCompiler()
			c.AssertFormat()
			c.UseLoader(schemaLoader{})
			return c.MustCompile(url) // embedded: a test compiles each
		})
	}
	for _, name := range []string{"provenance-v0.2", "provenance-v1", "review", "spdx", "test-result", "vuln", "vulns"} {
		add(oursAt + name)
	}
	for _, version := range cycloneDXVersions {
		add(cycloneDXAt + "bom-" + version + ".schema.json")
	}
	add(spdxAt)
	return out
}()

// schemaLoader reads embedded schemas by the place that they are referred to by.
type schemaLoader struct{}

// Load implements jsonschema.URLLoader. Nothing is fetched.
func (schemaLoader) Load(url string) (any, error) {
	var raw []byte
	var err error
	name, cyclone := strings.CutPrefix(url, cycloneDXAt)
	switch {
	case url == cycloneDXAt+"cryptography-defs.schema.json":
		raw, err = ours.ReadFile("schema/cryptography-defs.json")
	case cyclone:
		raw, err = unzip("schema/official/" + name + ".gz")
	case url == spdxAt:
		raw, err = unzip("schema/official/spdx-2.3.schema.json.gz")
	case strings.HasPrefix(url, oursAt):
		raw, err = ours.ReadFile("schema/" + strings.TrimPrefix(url, oursAt) + ".json")
	default:
		err = &fs.PathError{Op: "open", Path: url, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(raw))
}

func unzip(name string) ([]byte, error) {
	packed, err := official.ReadFile(name)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// problem is what does not follow a schema, with its place. Of the ways in
// which a choice was not met, the one that went deepest is told.
func problem(err error) string {
	var all *jsonschema.ValidationError
	if !errors.As(err, &all) {
		return fmt.Sprintf("%.300s", err)
	}
	leaf := deepest(all)
	place := strings.Join(leaf.InstanceLocation, ".")
	if place == "" {
		place = "the document"
	}
	return fmt.Sprintf("%.200s: %.300s", place, leaf.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
}

func deepest(err *jsonschema.ValidationError) *jsonschema.ValidationError {
	if len(err.Causes) == 0 {
		return err
	}
	var found *jsonschema.ValidationError
	for _, cause := range err.Causes {
		if leaf := deepest(cause); found == nil || len(leaf.InstanceLocation) > len(found.InstanceLocation) {
			found = leaf
		}
	}
	return found
}

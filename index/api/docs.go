package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

// pageCSP lets a page use its own inline style and nothing else.
const pageCSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// docsView is the OpenAPI description in the order that people read it.
type docsView struct {
	Title, Version, Description string
	Operations                  []docsOperation
	Schemas                     []docsSchema
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Params                                 []docsField
	Body                                   *docsType
	Responses                              []docsResponse
}

type docsResponse struct {
	Status, Description string
	Type                *docsType
}

// docsType is a type's name, with the schema it links to.
type docsType struct{ Text, Ref string }

type docsField struct {
	Name, In, Doc string
	Required      bool
	Type          docsType
}

type docsSchema struct {
	Name, Doc string
	Fields    []docsField
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// renderDocs writes the reference page for d, which needs no script and no
// resource from anywhere.
func renderDocs(d *huma.OpenAPI) ([]byte, error) {
	view := docsView{Title: d.Info.Title, Version: d.Info.Version, Description: d.Info.Description}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		item := d.Paths[path]
		for i, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				view.Operations = append(view.Operations, viewOperation(methods[i], path, op))
			}
		}
	}
	schemas := d.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		view.Schemas = append(view.Schemas, viewSchema(name, schemas[name]))
	}
	t, err := template.New("docs").Parse(docsHTML)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	err = t.Execute(&buf, view)
	return buf.Bytes(), err
}

func viewOperation(method, path string, op *huma.Operation) docsOperation {
	v := docsOperation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Description: op.Description}
	for _, p := range op.Parameters {
		v.Params = append(v.Params, docsField{Name: p.Name, In: p.In, Doc: p.Description, Required: p.Required, Type: viewType(p.Schema)})
	}
	if op.RequestBody != nil {
		for _, m := range op.RequestBody.Content {
			t := viewType(m.Schema)
			v.Body = &t
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		shown := docsResponse{Status: status, Description: r.Description}
		for _, m := range r.Content {
			if m.Schema != nil {
				t := viewType(m.Schema)
				shown.Type = &t
			}
		}
		v.Responses = append(v.Responses, shown)
	}
	return v
}

func viewSchema(name string, s *huma.Schema) docsSchema {
	v := docsSchema{Name: name, Doc: s.Description}
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[key]
		v.Fields = append(v.Fields, docsField{Name: key, Doc: p.Description, Required: slices.Contains(s.Required, key), Type: viewType(p)})
	}
	return v
}

func viewType(s *huma.Schema) docsType {
	switch {
	case s == nil:
		return docsType{Text: "any"}
	case s.Ref != "":
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		return docsType{Text: name, Ref: name}
	case s.Items != nil:
		t := viewType(s.Items)
		t.Text = "list of " + t.Text
		return t
	}
	if inner, ok := s.AdditionalProperties.(*huma.Schema); ok {
		t := viewType(inner)
		t.Text = "map to " + t.Text
		return t
	}
	if s.Format != "" {
		return docsType{Text: s.Type + " (" + s.Format + ")"}
	}
	return docsType{Text: s.Type}
}

// describe makes the OpenAPI description and its page, once.
func describe(d *huma.OpenAPI) (spec, page []byte, err error) {
	if spec, err = json.MarshalIndent(d, "", " "); err != nil {
		return nil, nil, err
	}
	page, err = renderDocs(d)
	return spec, page, err
}

package lint

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// A walk goes through plugin.json beside the type that it is read into and
// notes every value that does not fit, where the parser stops at the first.
type walk struct {
	doc    *document
	found  []placed
	failed bool

	broken    map[string]bool // fields of the document of which something is wrong
	nothing   bool            // there are no fields at all
	unchecked []Unchecked
}

func (w *walk) note(n *node, p artifact.Problem) {
	if !p.Warning {
		w.breaks(n.pointer)
	}
	p.Place = w.doc.place(n.key)
	w.found = append(w.found, placed{p, n.key})
	w.failed = w.failed || !p.Warning
}

func (w *walk) plugin() { w.value(w.doc.root, reflect.TypeFor[artifact.Plugin](), "") }

var (
	textType       = reflect.TypeFor[encoding.TextUnmarshaler]()
	permissionType = reflect.TypeFor[artifact.Permission]()
	rawType        = reflect.TypeFor[json.RawMessage]()
)

// value checks n against t; name is the field that it belongs to.
func (w *walk) value(n *node, t reflect.Type, name string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	text := len(n.raw) > 0 && n.raw[0] == '"'
	switch {
	case string(n.raw) == "null":
		w.note(n, artifact.Problem{Detail: label(name) + " is null", Fix: "drop it or give it a value", Warning: true})
	case t == rawType, t == permissionType && text:
	case reflect.PointerTo(t).Implements(textType):
		w.text(n, t, name, text)
	case t.Kind() == reflect.Struct:
		w.object(n, t, name)
	case t.Kind() == reflect.Map:
		w.table(n, t, name)
	case t.Kind() == reflect.Slice:
		if !n.isList {
			w.expected(n, name, "a list [ … ]")
		}
		for _, item := range n.list {
			w.value(item, t.Elem(), name)
		}
	default:
		w.basic(n, t, name)
	}
}

func (w *walk) expected(n *node, name, what string) {
	w.note(n, artifact.Problem{Detail: fmt.Sprintf("%s is %s, expected %s", label(name), kindName(n), what), Fix: "write " + what})
}

func label(name string) string {
	if name == "" {
		return "the document"
	}
	return fmt.Sprintf("%q", name)
}

func kindName(n *node) string {
	switch {
	case n.isObj:
		return "an object"
	case n.isList:
		return "a list"
	}
	return fmt.Sprintf("%.60s", n.raw)
}

// text checks a value that is a text with a grammar, such as a version.
func (w *walk) text(n *node, t reflect.Type, name string, isText bool) {
	if !isText {
		w.expected(n, name, "a text \"…\"")
		return
	}
	if err := json.Unmarshal(n.raw, reflect.New(t).Interface()); err != nil {
		w.note(n, artifact.Problem{Detail: fmt.Sprintf("%s: %s", label(name), strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error()))})
	}
}

func (w *walk) basic(n *node, t reflect.Type, name string) {
	if err := json.Unmarshal(n.raw, reflect.New(t).Interface()); err == nil {
		return
	}
	what := map[reflect.Kind]string{reflect.Bool: "true or false", reflect.String: "a text \"…\"", reflect.Int64: "a whole number"}[t.Kind()]
	w.expected(n, name, what)
}

func (w *walk) object(n *node, t reflect.Type, name string) {
	if !n.isObj {
		w.expected(n, name, "an object { … }")
		return
	}
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[key] = f.Type
	}
	w.repeated(n)
	for _, member := range n.object {
		if field, ok := fields[member.name]; ok {
			w.value(member, field, member.name)
		} else if member.name != "$schema" {
			w.unknown(member, slices.Sorted(maps.Keys(fields)))
		}
	}
}

func (w *walk) table(n *node, t reflect.Type, name string) {
	if !n.isObj {
		w.expected(n, name, "an object { … }")
		return
	}
	w.repeated(n)
	for _, member := range n.object {
		if key, ok := reflect.New(t.Key()).Interface().(encoding.TextUnmarshaler); ok {
			if err := key.UnmarshalText([]byte(member.name)); err != nil {
				w.note(member, artifact.Problem{Detail: strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error())})
			}
		}
		w.value(member, t.Elem(), member.name)
	}
}

func (w *walk) repeated(n *node) {
	seen := map[string]bool{}
	for _, member := range n.object {
		if seen[member.name] {
			w.note(member, artifact.Problem{Detail: fmt.Sprintf("%q is there twice; only the last one would count", member.name), Fix: "keep one"})
		}
		seen[member.name] = true
	}
}

func (w *walk) unknown(n *node, known []string) {
	p := artifact.Problem{Detail: fmt.Sprintf("field %q is not known and will not travel", n.name), Fix: "drop it", Warning: true}
	if near := nearest(n.name, known); near != "" {
		p.Fix = fmt.Sprintf("did you mean %q?", near)
	}
	w.note(n, p)
}

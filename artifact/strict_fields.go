package artifact

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// A jsonField is one key that a struct knows.
type jsonField struct {
	kind     reflect.Type
	optional bool // an object may be without it
}

// fieldNames are the keys that a struct knows.
type fieldNames map[string]jsonField

// variant is the field that key is taken for by case alone, or "".
func (f fieldNames) variant(key string) string {
	for name := range f {
		if name != key && strings.EqualFold(name, key) {
			return name
		}
	}
	return ""
}

var (
	knownFields   sync.Map // reflect.Type → fieldNames
	knownRequired sync.Map // reflect.Type → []string
)

// requiredOf are the keys that an object for a struct must have, in order.
func requiredOf(t reflect.Type) []string {
	if known, ok := knownRequired.Load(t); ok {
		return known.([]string)
	}
	var out []string
	for name, field := range fieldsOf(t) {
		if !field.optional {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	knownRequired.Store(t, out)
	return out
}

// fieldsOf are the keys of a struct as encoding/json names them; nil for what
// is no struct.
func fieldsOf(t reflect.Type) fieldNames {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	if known, ok := knownFields.Load(t); ok {
		return known.(fieldNames)
	}
	out, met := fieldNames{}, map[reflect.Type]bool{t: true}
	for level := []reflect.Type{t}; len(level) > 0; {
		level = slices.DeleteFunc(out.take(level), func(deeper reflect.Type) bool {
			again := met[deeper]
			met[deeper] = true
			return again
		})
	}
	knownFields.Store(t, out)
	return out
}

// take adds the fields of structs of one depth, those that are nearer being
// there, and gives the structs that are embedded in them.
func (f fieldNames) take(level []reflect.Type) (deeper []reflect.Type) {
	here := fieldNames{}
	for _, t := range level {
		for i := range t.NumField() {
			field := t.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			inner := field.Type
			for inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			switch {
			case field.Tag.Get("json") == "-":
				continue
			case field.Anonymous && name == "" && inner.Kind() == reflect.Struct:
				deeper = append(deeper, inner)
				continue
			case !field.IsExported():
				continue
			case name == "":
				name = field.Name
			}
			here[name] = jsonField{field.Type, mayBeMissing(field.Tag, options)}
		}
	}
	for name, field := range here {
		if _, nearer := f[name]; !nearer {
			f[name] = field
		}
	}
	return deeper
}

// mayBeMissing reads the tags of a field as OpenAPI descriptions are made of them.
func mayBeMissing(tag reflect.StructTag, options string) bool {
	if said, ok := tag.Lookup("required"); ok {
		return said != "true"
	}
	return slices.ContainsFunc(strings.Split(options, ","), func(o string) bool { return o == "omitempty" || o == "omitzero" })
}

var (
	jsonReader = reflect.TypeFor[json.Unmarshaler]()
	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// readsItself reports whether a t reads its JSON by a method.
func readsItself(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || t == reflect.TypeFor[json.RawMessage]() {
		return false
	}
	p := reflect.PointerTo(t)
	return p.Implements(jsonReader) || p.Implements(textReader)
}

// nullable reports whether null says something where a t is expected; nil is anything.
func nullable(t reflect.Type) bool {
	return t == nil || t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || t == reflect.TypeFor[json.RawMessage]()
}

// orNull is t where null means that there is none.
func orNull(t reflect.Type) reflect.Type {
	if nullable(t) {
		return t
	}
	return reflect.PointerTo(t)
}

// jsonKind is what JSON calls a t.
func jsonKind(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "a time such as 2026-03-01T00:00:00Z"
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "text in base64"
		}
		return "a list"
	case reflect.Map:
		return "an object"
	case reflect.Struct:
		return "an object"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	}
	return "a number"
}

// jsonName is what JSON calls a value that begins with c.
func jsonName(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}

// fits reports whether a value that begins with c can be a t; nil is anything.
func fits(c byte, t reflect.Type) bool {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() == reflect.Interface || t == reflect.TypeFor[json.RawMessage]() || readsItself(t) {
		return true
	}
	name := jsonName(c)
	return jsonKind(t) == name || name == "a text" && jsonKind(t) == "text in base64"
}

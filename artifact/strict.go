package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// UnmarshalStrict reads JSON into v as encoding/json does, and refuses what
// another reader would understand otherwise, so that a digest or a signature
// stands for one content:
//
//   - a key that an object has twice (RFC 8259, 4: what readers do is unpredictable)
//   - a key that differs from a field of v in case alone: encoding/json takes
//     "Layers" for "layers", most others do not
//   - bytes that are not UTF-8 (RFC 8259, 8.1)
//
// What an object of v takes as a map, or does not know, is held to the first
// and the last. Errors of encoding/json come as they are; the refusals are a
// *ProblemsError, each placed by JSON pointer.
//
// Whatever was signed, or is named by a digest that was, is read with it.
func UnmarshalStrict(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return err
	}
	return unambiguous(raw, reflect.TypeOf(v))
}

// CheckStrict refuses JSON that UnmarshalStrict refuses, where another library
// reads it. v is a value of the type that the library reads it into, or nil
// where it takes every key as it is written.
func CheckStrict(raw []byte, v any) error {
	if !json.Valid(raw) {
		return json.Unmarshal(raw, new(json.RawMessage)) // says where it breaks
	}
	return unambiguous(raw, reflect.TypeOf(v))
}

func unambiguous(raw []byte, t reflect.Type) error {
	if !utf8.Valid(raw) {
		return refusedJSON("", "not valid UTF-8")
	}
	s := scanner{raw: raw}
	return s.value(t)
}

func refusedJSON(place, detail string) error {
	if place == "" {
		place = "/"
	}
	return &ProblemsError{[]Problem{{Place: place, Detail: detail}}}
}

// A step is one token of a JSON pointer: a key, or else an index.
type step struct {
	key   string
	index int
}

// A scanner goes once over JSON that is known to be valid.
type scanner struct {
	raw  []byte
	at   int
	path []step // to what is looked at
}

func (s *scanner) refuse(format string, args ...any) error {
	place := ""
	for _, one := range s.path {
		if one.index >= 0 {
			place += "/" + strconv.Itoa(one.index)
		} else {
			place += "/" + pointer.Replace(one.key)
		}
	}
	return refusedJSON(place, fmt.Sprintf(format, args...))
}

// next is the next byte that is not white space.
func (s *scanner) next() byte {
	for s.at < len(s.raw) {
		switch c := s.raw[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// value passes one value that is read into a t; nil is anything.
func (s *scanner) value(t reflect.Type) error {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch s.next() {
	case '{':
		return s.object(t)
	case '[':
		return s.array(t)
	case '"':
		s.text()
	default:
		if n := bytes.IndexAny(s.raw[s.at:], ",]} \t\r\n"); n >= 0 {
			s.at += n
		} else {
			s.at = len(s.raw)
		}
	}
	return nil
}

func (s *scanner) array(t reflect.Type) error {
	t = elementOf(t, reflect.Slice, reflect.Array)
	s.at++
	for i := 0; s.next() != ']'; i++ {
		if s.raw[s.at] == ',' {
			s.at++
		}
		s.path = append(s.path, step{index: i})
		if err := s.value(t); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
	}
	s.at++
	return nil
}

func (s *scanner) object(t reflect.Type) error {
	fields := fieldsOf(t)
	inner := elementOf(t, reflect.Map)
	var met keys
	s.at++
	for s.next() != '}' {
		if s.raw[s.at] == ',' {
			s.at++
			s.next()
		}
		key := s.text()
		s.path = append(s.path, step{key, -1})
		if met.has(key) {
			return s.refuse("the key is there twice, expected once: readers differ in which of both they take")
		}
		into := inner
		if fields != nil {
			field, known := fields[key]
			if name := fields.variant(key); !known && name != "" {
				return s.refuse("the key %.100q, expected %q: readers differ in whether both are the same", key, name)
			}
			into = field
		}
		s.next()
		s.at++ // the colon
		if err := s.value(into); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
	}
	s.at++
	return nil
}

// text passes one text and gives what it means.
func (s *scanner) text() string {
	from := s.at
	plain := true
	for s.at++; s.raw[s.at] != '"'; s.at++ {
		if s.raw[s.at] == '\\' {
			plain = false
			s.at++
		}
	}
	s.at++
	if plain {
		return string(s.raw[from+1 : s.at-1])
	}
	var out string
	_ = json.Unmarshal(s.raw[from:s.at], &out) // it is valid
	return out
}

// elementOf is what t holds, where it is one of kinds.
func elementOf(t reflect.Type, kinds ...reflect.Kind) reflect.Type {
	if t == nil || !slices.Contains(kinds, t.Kind()) || t == reflect.TypeFor[json.RawMessage]() {
		return nil
	}
	return t.Elem()
}

// keys are those of one object that were met.
type keys struct {
	few  []string
	many map[string]bool
}

// has reports whether key was met before, and remembers it.
func (k *keys) has(key string) bool {
	switch {
	case k.many != nil:
	case slices.Contains(k.few, key):
		return true
	case len(k.few) < 16:
		k.few = append(k.few, key)
		return false
	default:
		k.many = map[string]bool{}
		for _, one := range k.few {
			k.many[one] = true
		}
	}
	if k.many[key] {
		return true
	}
	k.many[key] = true
	return false
}

// fieldNames are the keys that a struct knows, with the types of their values.
type fieldNames map[string]reflect.Type

// variant is the field that key is taken for by case alone, or "".
func (f fieldNames) variant(key string) string {
	for name := range f {
		if name != key && strings.EqualFold(name, key) {
			return name
		}
	}
	return ""
}

var knownFields sync.Map // reflect.Type → fieldNames

// fieldsOf are the keys of a struct as encoding/json names them; nil for what
// is no struct.
func fieldsOf(t reflect.Type) fieldNames {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	if known, ok := knownFields.Load(t); ok {
		return known.(fieldNames)
	}
	out := fieldNames{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported(), f.Tag.Get("json") == "-", f.Anonymous && name == "":
			continue
		case name == "":
			name = f.Name
		}
		out[name] = f.Type
	}
	knownFields.Store(t, out)
	return out
}

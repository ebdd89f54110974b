package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
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

// CheckCharacters refuses, in what comes in (a request, a push, files to be
// packed) and may be kept for ever, the escapes that readers take differently:
//
//   - of half a character, such as "\ud800" (RFC 8259, 8.2): it is taken for
//     U+FFFD, for other bytes, or not at all
//   - of NUL, which no database here keeps and which ends a text in C
//
// A key that is there twice is refused as by UnmarshalStrict. What is no JSON is
// left to whoever reads it. What is read again is not held to this: it may have
// come before there was the rule, and nobody can change what has a digest.
// Errors are a *ProblemsError, placed by JSON pointer.
func CheckCharacters(raw []byte) error {
	if !json.Valid(raw) || !utf8.Valid(raw) {
		return nil
	}
	s := scanner{raw: raw, characters: true}
	return s.value(nil)
}

func unambiguous(raw []byte, t reflect.Type) error {
	if !utf8.Valid(raw) {
		return refusedJSON("", "not valid UTF-8")
	}
	s := scanner{raw: raw}
	return s.value(t)
}

// UnmarshalComplete is UnmarshalStrict for what another program answers: it
// refuses as well
//
//   - an object that lacks a field of its struct, unless the field's tag has
//     omitempty, omitzero or required:"false", as OpenAPI descriptions are made
//   - null where such a field, or an element of a list or a map, cannot be null:
//     a pointer, an interface and a json.RawMessage can
//
// so that a zero value is one that was said. Keys that v does not know are fine.
func UnmarshalComplete(raw []byte, v any) error {
	switch {
	case !json.Valid(raw):
		return json.Unmarshal(raw, new(json.RawMessage)) // says where it breaks
	case !utf8.Valid(raw):
		return refusedJSON("", "not valid UTF-8")
	}
	s := scanner{raw: raw, complete: true}
	if err := s.value(reflect.TypeOf(v).Elem()); err != nil {
		return err
	}
	err := json.Unmarshal(raw, v)
	if at, ok := errors.AsType[*json.UnmarshalTypeError](err); ok { // such as a number that is too large
		return refusedJSON("/"+strings.ReplaceAll(at.Field, ".", "/"), at.Value+" came, expected "+jsonKind(at.Type))
	}
	return err
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
	// complete refuses what a struct must have and the JSON has not.
	complete bool
	// characters refuses the escapes that are no character of a text.
	characters bool
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
	null := s.next() == 'n'
	if s.complete && null && !nullable(t) {
		return s.refuse("null came, expected %s", jsonKind(t))
	}
	if s.complete && t != nil && !null && readsItself(t) {
		return s.byItself(t)
	}
	if s.complete && !null && !fits(s.next(), t) {
		return s.refuse("%s came, expected %s", jsonName(s.next()), jsonKind(t))
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch s.next() {
	case '{':
		return s.object(t)
	case '[':
		return s.array(t)
	case '"':
		_, err := s.text()
		return err
	default:
		if n := bytes.IndexAny(s.raw[s.at:], ",]} \t\r\n"); n >= 0 {
			s.at += n
		} else {
			s.at = len(s.raw)
		}
	}
	return nil
}

// byItself passes a value that a t reads by a method.
func (s *scanner) byItself(t reflect.Type) error {
	from := s.at
	if err := s.value(nil); err != nil {
		return err
	}
	if err := json.Unmarshal(s.raw[from:s.at], reflect.New(t).Interface()); err != nil {
		return s.refuse("%.100s came, expected %s", s.raw[from:s.at], jsonKind(t))
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
	var missing []string
	if s.complete && t != nil {
		missing = slices.Clone(requiredOf(t))
	}
	s.at++
	for s.next() != '}' {
		if s.raw[s.at] == ',' {
			s.at++
			s.next()
		}
		key, err := s.text()
		if err != nil {
			return err
		}
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
			into = field.kind
			if n := slices.Index(missing, key); n >= 0 {
				missing = slices.Delete(missing, n, n+1)
			}
			if s.complete && field.optional {
				into = orNull(into)
			}
		}
		s.next()
		s.at++ // the colon
		if err := s.value(into); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
	}
	s.at++
	if len(missing) > 0 {
		return s.refuse("%q is missing", missing[0])
	}
	return nil
}

// text passes one text and gives what it means.
func (s *scanner) text() (string, error) {
	from := s.at
	plain := true
	for s.at++; s.raw[s.at] != '"'; s.at++ {
		if s.raw[s.at] != '\\' {
			continue
		}
		plain = false
		if s.at++; s.characters && s.raw[s.at] == 'u' {
			if err := s.escape(); err != nil {
				return "", err
			}
		}
	}
	s.at++
	if plain {
		return string(s.raw[from+1 : s.at-1]), nil
	}
	var out string
	err := json.Unmarshal(s.raw[from:s.at], &out) // it is valid
	return out, err
}

// escape passes the escape of one character, to its last digit. s is at its u.
func (s *scanner) escape() error {
	first := unescaped(s.raw[s.at-1:])
	s.at += 4
	switch {
	case first == 0:
		return s.refuse(`a text has a NUL character (\u0000): leave it out`)
	case !utf16.IsSurrogate(first):
		return nil
	}
	second := unescaped(s.raw[s.at+1:])
	if utf16.DecodeRune(first, second) == utf8.RuneError {
		return s.refuse(`a text has half a character (\u%04x), expected both halves: readers differ in what it is`, first)
	}
	s.at += 6
	return nil
}

// unescaped is what raw begins with, where that is \u and four digits; else -1.
func unescaped(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
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

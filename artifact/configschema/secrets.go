package configschema

import (
	"maps"
	"slices"
	"strconv"
)

// Secrets are the places of a document, as Read gives it, whose values are secrets:
// JSON pointers in order, none below another. The pointer "" is the whole document.
// A value is a secret where any subschema that may apply to it says
// "writeOnly": true, in every draft, whether or not the value is valid by it and
// whether or not a condition around it holds. An error means that it could not be
// told.
func (s *Schema) Secrets(doc any) ([]string, error) {
	if root, is := s.doc.root.(map[string]any); !is || len(root) == 0 {
		return []string{""}, nil // it says nothing of what is in there
	}
	w := secrets{doc: s.doc, seen: map[[2]string]bool{}, found: map[string]bool{}}
	w.visit("", doc, "")
	if w.left() <= 0 {
		return nil, ErrSteps
	}
	var out []string
	for _, at := range slices.Sorted(maps.Keys(w.found)) {
		if !w.below(at) {
			out = append(out, at)
		}
	}
	return out, nil
}

// secrets looks for the secrets of one document.
type secrets struct {
	doc   *document
	seen  map[[2]string]bool // place of the schema, place of the value
	found map[string]bool
	steps int
}

func (w *secrets) left() int { return MaxSteps - len(w.seen) - w.steps }

// below reports whether something above a place is a secret.
func (w *secrets) below(at string) bool {
	for i := range at {
		if at[i] == '/' && w.found[at[:i]] {
			return true
		}
	}
	return false
}

// visit applies the subschema at a place to the value v at another.
func (w *secrets) visit(at string, v any, place string) {
	key := [2]string{at, place}
	s, is := w.doc.places[at].(map[string]any)
	if !is || w.seen[key] || w.left() <= 0 {
		return
	}
	w.seen[key] = true
	if is, _ := s["writeOnly"].(bool); is {
		w.found[place] = true
		return
	}
	if ref, is := s["$ref"].(string); is {
		if to, ok := w.doc.target(ref); ok {
			w.visit(to, v, place)
		}
	}
	for _, word := range []string{"else", "if", "not", "then"} {
		w.apply(at, s, word, v, place)
	}
	for _, word := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := s[word].([]any)
		for i := range list {
			w.visit(at+"/"+word+"/"+strconv.Itoa(i), v, place)
		}
	}
	for _, word := range []string{"dependencies", "dependentSchemas"} {
		m, _ := s[word].(map[string]any)
		for name := range m {
			w.steps++
			w.visit(at+"/"+word+"/"+escape.Replace(name), v, place)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		w.members(at, s, v, place)
	case []any:
		w.items(at, s, v, place)
	}
}

// apply visits by the subschema of a keyword, where s, which is at a place, has it.
// Else nothing is made of the places: they may be long, and the values many.
func (w *secrets) apply(at string, s map[string]any, word string, v any, place string) {
	if _, is := s[word]; is {
		w.visit(at+"/"+word, v, place)
	}
}

// members visits what is in an object.
func (w *secrets) members(at string, s, v map[string]any, place string) {
	properties, _ := s["properties"].(map[string]any)
	patterns, _ := s["patternProperties"].(map[string]any)
	for name, value := range v {
		w.steps++
		within := place + "/" + escape.Replace(name)
		_, named := properties[name]
		if named {
			w.visit(at+"/properties/"+escape.Replace(name), value, within)
		}
		for text := range patterns {
			p, is := w.doc.programs[text]
			w.steps += p.steps(name)
			if w.left() <= 0 {
				return
			}
			if !is || p.MatchString(name) {
				named = true
				w.visit(at+"/patternProperties/"+escape.Replace(text), value, within)
			}
		}
		if !named {
			w.apply(at, s, "additionalProperties", value, within)
			w.apply(at, s, "unevaluatedProperties", value, within)
		}
	}
}

// items visits what is in a list.
func (w *secrets) items(at string, s map[string]any, v []any, place string) {
	ordered, is := s["items"].([]any)
	prefix, _ := s["prefixItems"].([]any)
	for i, value := range v {
		w.steps++
		n := strconv.Itoa(i)
		within := place + "/" + n
		for _, word := range []string{"additionalItems", "contains", "unevaluatedItems"} {
			w.apply(at, s, word, value, within)
		}
		if i < len(prefix) {
			w.visit(at+"/prefixItems/"+n, value, within)
		}
		if i < len(ordered) {
			w.visit(at+"/items/"+n, value, within)
		} else if !is {
			w.apply(at, s, "items", value, within)
		}
	}
}

package configschema

import (
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A step is one subschema applied to one value. It takes about ten microseconds
// at most, so what takes longer counts for more: lists of values to compare with,
// patterns by their size and that of the text, and long lists, objects and texts.

// meter has each subschema count, before it is applied, what it will apply in turn.
// The library asks for the format of a value after its type and the values that are
// listed, which lead nowhere, and before all else.
func (s *Schema) meter() {
	s.listed = map[*jsonschema.Schema]int{}
	var visit func(x *jsonschema.Schema)
	visit = func(x *jsonschema.Schema) {
		if _, seen := s.listed[x]; x == nil || seen {
			return
		}
		s.listed[x] = listed(x)
		format := jsonschema.Format{Name: "any", Validate: func(any) error { return nil }}
		if x.Format != nil {
			format = *x.Format
		}
		inner := format.Validate
		format.Validate = func(v any) error {
			s.take(s.within(x, v))
			return inner(v)
		}
		x.Format = &format
		for _, next := range parts(x) {
			visit(next)
		}
	}
	visit(s.compiled)
}

// parts are the subschemas of x.
func parts(x *jsonschema.Schema) []*jsonschema.Schema {
	out := append(onSame(x), x.PropertyNames, x.UnevaluatedProperties, x.Contains, x.Items2020, x.UnevaluatedItems, x.ContentSchema)
	for _, next := range x.Properties {
		out = append(out, next)
	}
	for _, next := range x.PatternProperties {
		out = append(out, next)
	}
	out = append(out, x.PrefixItems...)
	for _, v := range []any{x.AdditionalProperties, x.Items, x.AdditionalItems} {
		switch v := v.(type) {
		case *jsonschema.Schema:
			out = append(out, v)
		case []*jsonschema.Schema:
			out = append(out, v...)
		}
	}
	return out
}

// onSame are the subschemas that x applies to its own value; some may be nil.
func onSame(x *jsonschema.Schema) []*jsonschema.Schema {
	out := []*jsonschema.Schema{x.Ref, x.Not, x.If, x.Then, x.Else}
	out = append(append(append(out, x.AllOf...), x.AnyOf...), x.OneOf...)
	for _, next := range x.DependentSchemas {
		out = append(out, next)
	}
	for _, next := range x.Dependencies {
		if next, is := next.(*jsonschema.Schema); is {
			out = append(out, next)
		}
	}
	return out
}

// costOf is what applying x to v takes by itself.
func (s *Schema) costOf(x *jsonschema.Schema, v any) int {
	if x == nil {
		return 0
	}
	return 1 + weight(v) + s.listed[x]
}

// listed is what comparing with the values that x lists takes. It looks at all of
// them, so it is computed once, and not for each value that x is applied to.
func listed(x *jsonschema.Schema) (n int) {
	if x.Enum != nil {
		n += size(x.Enum.Values) / 16
	}
	if x.Const != nil {
		n += size(*x.Const) / 16
	}
	return n
}

// weight is what looking at a value takes, beside the step.
func weight(v any) int {
	switch v := v.(type) {
	case string:
		return len(v) / 1024
	case []any:
		return len(v) / 16
	case map[string]any:
		return len(v) / 16
	}
	return 0
}

// size is how many values there are in v.
func size(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += size(item)
		}
	case map[string]any:
		for _, item := range v {
			n += size(item)
		}
	}
	return n
}

// within is what applying x to v applies in turn, one level down.
func (s *Schema) within(x *jsonschema.Schema, v any) int {
	n := len(x.Required) / 16
	for _, next := range onSame(x) {
		n += s.costOf(next, v)
	}
	for _, names := range x.DependentRequired {
		n += 1 + len(names)/16
	}
	for _, next := range x.Dependencies {
		if names, is := next.([]string); is {
			n += 1 + len(names)/16
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			n += 1 + s.costOf(x.Properties[key], item) + s.costOf(x.UnevaluatedProperties, item) + s.costOf(x.PropertyNames, key)
			for _, next := range x.PatternProperties {
				n += s.costOf(next, item)
			}
			if next, is := x.AdditionalProperties.(*jsonschema.Schema); is {
				n += s.costOf(next, item)
			}
		}
	case []any:
		n += s.items(x, v)
		if x.UniqueItems {
			n += size(v) * min(len(v), 20) / 4
		}
	}
	return n
}

// items is what applying x to the items of a list takes.
func (s *Schema) items(x *jsonschema.Schema, list []any) (n int) {
	each := []*jsonschema.Schema{x.Items2020, x.Contains, x.UnevaluatedItems}
	for _, v := range []any{x.Items, x.AdditionalItems} {
		if next, is := v.(*jsonschema.Schema); is {
			each = append(each, next)
		}
	}
	ordered, _ := x.Items.([]*jsonschema.Schema)
	for i, item := range list {
		for _, next := range each {
			n += s.costOf(next, item)
		}
		for _, in := range [][]*jsonschema.Schema{ordered, x.PrefixItems} {
			if i < len(in) {
				n += s.costOf(in[i], item)
			}
		}
	}
	return n
}

// pattern is one that counts what matching takes.
type pattern struct {
	program
	of *Schema
}

// MatchString implements jsonschema.Regexp.
func (p pattern) MatchString(text string) bool {
	p.of.take(p.steps(text))
	return p.Regexp.MatchString(text)
}

// regexp gives a pattern of the schema, or compiles a text that must be one: of the
// drafts, or a value of a configuration that has the format regex.
func (s *Schema) regexp(text string) (jsonschema.Regexp, error) {
	if p, is := s.doc.programs[text]; is {
		return pattern{p, s}, nil
	}
	if len(text) > MaxPattern {
		return nil, refused("", "the pattern is too long")
	}
	weight, size, err := weigh(text)
	s.take(1 + min(weight, MaxProgram)/10)
	if err != nil {
		return nil, err
	}
	if weight > MaxProgram {
		return nil, refused("", fmt.Sprintf("the pattern takes %d instructions, expected at most %d", weight, MaxProgram))
	}
	p, err := compile(text, size)
	return pattern{p, s}, err
}

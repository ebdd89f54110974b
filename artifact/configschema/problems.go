package configschema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/oarlock/oarlock/artifact"
)

// problems are the parts of err that say something, in order of their places. No
// value of the document is in them: it may be a secret.
func problems(err *jsonschema.ValidationError) []artifact.Problem {
	var out []artifact.Problem
	for _, leaf := range leaves(err) {
		place := ""
		for _, segment := range leaf.InstanceLocation {
			place += "/" + escape.Replace(segment)
		}
		out = append(out, artifact.Problem{Place: place, Detail: says(leaf.ErrorKind)})
	}
	slices.SortFunc(out, func(a, b artifact.Problem) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Detail, b.Detail))
	})
	out = slices.Compact(out)
	if len(out) > maxProblems {
		out = out[:maxProblems]
	}
	return out
}

// mostLeaves is how many parts of an error are looked at.
const mostLeaves = 1000

// leaves are the parts of err without causes. Of the ways in which a choice was not
// met, the one that went deepest is taken.
func leaves(err *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(err.Causes) == 0 {
		return []*jsonschema.ValidationError{err}
	}
	var out []*jsonschema.ValidationError
	_, any := err.ErrorKind.(*kind.AnyOf)
	_, one := err.ErrorKind.(*kind.OneOf)
	for _, cause := range err.Causes {
		some := leaves(cause)
		switch {
		case !any && !one:
			out = append(out, some...)
		case len(out) == 0 || depth(some) > depth(out):
			out = some
		}
		if len(out) > mostLeaves {
			break
		}
	}
	return out
}

func depth(errs []*jsonschema.ValidationError) int {
	most := 0
	for _, err := range errs {
		most = max(most, len(err.InstanceLocation))
	}
	return most
}

// says is what was expected, in words that quote the schema and names of members.
func says(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("%s came, expected %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Required:
		return "expected " + names(k.Missing)
	case *kind.Dependency:
		return fmt.Sprintf("expected %s beside %.80q", names(k.Missing), k.Prop)
	case *kind.DependentRequired:
		return fmt.Sprintf("expected %s beside %.80q", names(k.Missing), k.Prop)
	case *kind.AdditionalProperties:
		slices.Sort(k.Properties)
		return "expected no " + names(k.Properties)
	case *kind.PropertyNames:
		return fmt.Sprintf("the name %.80q is not one of those that the schema takes", k.Property)
	case *kind.Enum:
		return "expected one of " + text(k.Want)
	case *kind.Const:
		return "expected " + text(k.Want)
	case *kind.Pattern:
		return fmt.Sprintf("expected a text that matches %.260q", k.Want)
	case *kind.Format:
		return "expected a text of the format " + k.Want
	case *kind.FalseSchema:
		return "expected nothing here"
	case *kind.RefCycle:
		return "the schema refers to itself without end"
	}
	return bounds(k)
}

// bounds are the words of what is too much or too little.
func bounds(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MinProperties:
		return fmt.Sprintf("expected at least %d members", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("expected at most %d members", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("expected at least %d items", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("expected at most %d items", k.Want)
	case *kind.UniqueItems:
		return "expected no item twice"
	case *kind.MinLength:
		return fmt.Sprintf("expected at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("expected at most %d characters", k.Want)
	case *kind.Minimum:
		return "expected at least " + k.Want.RatString()
	case *kind.Maximum:
		return "expected at most " + k.Want.RatString()
	case *kind.ExclusiveMinimum:
		return "expected more than " + k.Want.RatString()
	case *kind.ExclusiveMaximum:
		return "expected less than " + k.Want.RatString()
	case *kind.MultipleOf:
		return "expected a multiple of " + k.Want.RatString()
	}
	return fmt.Sprintf("it does not follow %q of the schema", strings.Join(k.KeywordPath(), "/"))
}

func names(list []string) string {
	out := []string{}
	for i, name := range list {
		if i == maxProblems {
			out = append(out, "…")
			break
		}
		out = append(out, fmt.Sprintf("%.80q", name))
	}
	return strings.Join(out, ", ")
}

// text is a value of the schema.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "what the schema lists"
	}
	return fmt.Sprintf("%.300s", raw)
}

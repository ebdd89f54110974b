package configschema

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oarlock/oarlock/artifact"
)

// ErrSteps says that a document could not be judged within MaxSteps.
var ErrSteps = fmt.Errorf("it could not be told within %d steps whether the schema takes it", MaxSteps)

// A Schema is one that keeps the limits. It may be used by several at once.
type Schema struct {
	doc      *document
	compiled *jsonschema.Schema
	listed   map[*jsonschema.Schema]int // what comparing with the values that each lists takes
	mu       sync.Mutex                 // of one validation, which counts its steps
	steps    int
}

// Parse reads a schema. Errors are a *artifact.ProblemsError whose places are JSON
// pointers into the schema.
func Parse(raw []byte) (*Schema, error) {
	doc, err := parse(raw)
	if err != nil {
		return nil, err
	}
	s := &Schema{doc: doc}
	if s.compiled, err = s.compile(); err != nil {
		return nil, err
	}
	s.meter()
	return s, nil
}

// at is under which address a schema is compiled: one that nobody can load.
const at = "oarlock:config"

// compile has the library read the schema, which it loads nothing for.
func (s *Schema) compile() (compiled *jsonschema.Schema, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = refused("", fmt.Sprintf("the schema cannot be read: %.200v", r))
		}
	}()
	root := s.doc.root
	if m, is := root.(map[string]any); is { // whatever it calls itself, it refers to itself alone
		m = maps.Clone(m)
		delete(m, "$id")
		delete(m, "id")
		root = m
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	c.UseRegexpEngine(s.regexp)
	if err := c.AddResource(at, root); err != nil {
		return nil, refused("", err.Error())
	}
	compiled, err = c.Compile(at)
	var wrong *jsonschema.SchemaValidationError
	var why *jsonschema.ValidationError
	switch {
	case errors.As(err, &wrong) && errors.As(wrong.Err, &why):
		return nil, &artifact.ProblemsError{Problems: problems(why)}
	case err != nil:
		return nil, refused("", fmt.Sprintf("the schema cannot be read: %.300s", err))
	}
	return compiled, nil
}

// nothing is a loader that loads nothing.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%.120q is outside of the document: %w", url, artifact.ErrInvalid)
}

func unpercent(fragment string) (string, bool) {
	text, err := url.PathUnescape(fragment)
	return text, err == nil
}

// stopped ends a validation that takes too many steps.
type stopped struct{}

// take counts n steps, and ends the validation at too many.
func (s *Schema) take(n int) {
	if s.steps += n; s.steps > MaxSteps {
		panic(stopped{})
	}
}

// Validate says what of a document, as Read gives it, the schema does not take:
// nothing where it takes all. Places are JSON pointers into the document, and no
// value of it is quoted. An error means that it could not be told.
func (s *Schema) Validate(doc any) (bad []artifact.Problem, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case stopped:
			bad, err = nil, ErrSteps
		default:
			bad, err = nil, fmt.Errorf("the schema could not be applied: %.200v", r)
		}
	}()
	s.steps = 0
	s.take(s.costOf(s.compiled, doc))
	var why *jsonschema.ValidationError
	switch err := s.compiled.Validate(doc); {
	case errors.As(err, &why):
		return problems(why), nil
	default:
		return nil, err
	}
}

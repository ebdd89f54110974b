package lint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
)

// A Report is what is wrong with a plugin directory, as far as that could be told.
type Report struct {
	// Problems are all that was found, by place.
	Problems []artifact.Problem
	// Unchecked is what was not looked at, because of something else that is wrong.
	Unchecked []Unchecked
}

// Unchecked is something that could not be looked at.
type Unchecked struct {
	What    string `json:"what"`
	Because string `json:"because"`
}

// Dir gives every problem of the plugin directory dir, by place; none is a nil
// slice. Errors are those of Look.
func Dir(dir string) ([]artifact.Problem, error) {
	r, err := Look(dir)
	return r.Problems, err
}

// Look says everything that it can of the plugin directory dir in one go: what
// does not depend on something that is wrong is looked at too, and what does is
// named. An error means that dir could not be looked at; it wraps ErrNotFound
// where dir is not there.
func Look(dir string) (Report, error) {
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return Report{}, fmt.Errorf("lint %s: no such directory: %w", dir, artifact.ErrNotFound)
	}
	w := &walk{doc: &document{root: &node{}, all: map[string]*node{}}, broken: map[string]bool{}}
	raw, err := pack.ReadManifest(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.unreadable(artifact.Problem{Place: pack.ManifestFile, Detail: "missing: expected the plugin manifest", Fix: "oarlock init writes one"}, "it is missing")
	case err != nil:
		return Report{}, fmt.Errorf("lint %s: %w", dir, err)
	default:
		if d, problem := parse(raw); problem != nil {
			w.unreadable(*problem, "it is not JSON")
		} else {
			w.doc = d
			w.plugin()
		}
	}
	if err := w.meaning(raw, dir); err != nil {
		return Report{}, fmt.Errorf("lint %s: %w", dir, err)
	}
	return w.report(), nil
}

// unreadable notes that there is no document to look at.
func (w *walk) unreadable(p artifact.Problem, because string) {
	w.found, w.failed, w.nothing = append(w.found, placed{p, 0}), true, true
	w.unchecked = append(w.unchecked, Unchecked{wholeManifest, because})
}

// report is what was found, each once.
func (w *walk) report() Report {
	slices.SortStableFunc(w.found, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.Place, b.Place))
	})
	r := Report{Unchecked: w.unchecked}
	for _, p := range w.found {
		if !slices.Contains(r.Problems, p.Problem) {
			r.Problems = append(r.Problems, p.Problem)
		}
	}
	return r
}

// Failed reports whether any of the problems is more than a warning.
func Failed(problems []artifact.Problem) bool {
	return slices.ContainsFunc(problems, func(p artifact.Problem) bool { return !p.Warning })
}

// A placed problem knows its offset in plugin.json, for sorting; what lies
// elsewhere comes behind.
type placed struct {
	artifact.Problem
	offset int
}

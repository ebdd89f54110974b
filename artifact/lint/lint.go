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

// Dir gives every problem of the plugin directory dir, by place; none is a nil
// slice. An error means that dir could not be looked at; it wraps ErrNotFound
// where dir is not there.
func Dir(dir string) ([]artifact.Problem, error) {
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, fmt.Errorf("lint %s: no such directory: %w", dir, artifact.ErrNotFound)
	}
	raw, err := pack.ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []artifact.Problem{{Place: pack.ManifestFile, Detail: "missing: expected the plugin manifest", Fix: "oarlock init writes one"}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lint %s: %w", dir, err)
	}
	d, problem := parse(raw)
	if problem != nil {
		return []artifact.Problem{*problem}, nil
	}
	w := &walk{doc: d}
	w.plugin()
	if !w.failed {
		if err := w.meaning(raw, dir); err != nil {
			return nil, fmt.Errorf("lint %s: %w", dir, err)
		}
	}
	slices.SortStableFunc(w.found, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.Place, b.Place))
	})
	var out []artifact.Problem
	for _, p := range w.found {
		out = append(out, p.Problem)
	}
	return out, nil
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

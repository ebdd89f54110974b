// Package arrows checks which package of the tree may know which: the rooms'
// arrows, the one room of each big dependency, and the small dependency set of
// what a host application imports. Its test runs with every `go test ./...`.
//
//	artifact ← policy ← index        cmd → all
//	artifact ← registry              registry and index are strangers
package arrows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// Module is the import path of the tree.
const Module = "github.com/oarlock/oarlock"

// A Graph maps each package to the packages that its non-test files import.
// The standard library is left out.
type Graph map[string][]string

// listed is what `go list -json` says of one package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// Load asks the go command for the packages of the module in dir and for all
// that they reach.
func Load(ctx context.Context, dir string) (Graph, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Standard,Imports", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %q: %w: %s", dir, err, strings.TrimSpace(stderr.String()))
	}
	return parse(out)
}

func parse(out []byte) (Graph, error) {
	g, std := Graph{}, map[string]bool{"C": true, "unsafe": true}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return g.without(std), nil
		case err != nil:
			return nil, fmt.Errorf("go list: output: %w", err)
		}
		if p.Standard {
			std[p.ImportPath] = true
			continue
		}
		g[p.ImportPath] = p.Imports
	}
}

func (g Graph) without(std map[string]bool) Graph {
	for path, imports := range g {
		g[path] = slices.DeleteFunc(imports, func(p string) bool { return std[p] })
	}
	return g
}

// Packages returns, sorted, the packages at or below any of the given paths.
func (g Graph) Packages(paths ...string) []string {
	var found []string
	for path := range g {
		if within(path, paths) {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found
}

// Reach returns every package that from imports, directly or not, each with
// the shortest chain of imports that leads to it.
func (g Graph) Reach(from string) map[string][]string {
	chains := map[string][]string{from: {from}}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]] {
			if _, seen := chains[next]; !seen {
				chains[next] = append(slices.Clone(chains[queue[0]]), next)
				queue = append(queue, next)
			}
		}
	}
	delete(chains, from)
	return chains
}

// within reports whether path is one of the given paths or below it; a path
// that ends in "$" means itself alone.
func within(path string, paths []string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		alone, exact := strings.CutSuffix(p, "$")
		return path == alone || !exact && strings.HasPrefix(path, p+"/")
	})
}

package arrows

import (
	"fmt"
	"slices"
	"strings"
)

// A Rule looks at a graph and returns one sentence for each import that it
// forbids; none means that the rule holds.
type Rule struct {
	Name  string
	Check func(Graph) []string
}

// Never forbids the packages below room to reach those below any of targets,
// directly or through others.
func Never(why, room string, targets ...string) Rule {
	check := func(g Graph) []string {
		return g.offences(own(room), why, func(p string) bool { return within(p, ownAll(targets)) })
	}
	return Rule{Name: room + " never reaches " + strings.Join(targets, ", "), Check: check}
}

// Within allows the packages below room to reach nothing but the packages
// below the allowed paths. The standard library is always allowed.
func Within(why, room string, allowed ...string) Rule {
	check := func(g Graph) []string {
		return g.offences(own(room), why, func(p string) bool {
			return p != own(room) && !within(p, allowed)
		})
	}
	return Rule{Name: room + " stays within its allow-list", Check: check}
}

// Only names the rooms whose packages may import the dependency themselves;
// all other packages of the tree go through them.
func Only(dependency string, rooms ...string) Rule {
	check := func(g Graph) []string {
		var found []string
		for _, pkg := range g.Packages(Module) {
			if within(pkg, ownAll(rooms)) {
				continue
			}
			for _, imported := range g[pkg] {
				if within(imported, []string{dependency}) {
					found = append(found, fmt.Sprintf("%s imports %s: only %s may", pkg, imported, strings.Join(rooms, ", ")))
				}
			}
		}
		return found
	}
	return Rule{Name: dependency + " only in " + strings.Join(rooms, ", "), Check: check}
}

// offences returns a sentence with the chain of imports for each forbidden
// package that the packages of a room reach. What lies behind an offence on
// the same chain is not told again.
func (g Graph) offences(room, why string, forbidden func(string) bool) []string {
	var found []string
	for _, pkg := range g.Packages(room) {
		for target, chain := range g.Reach(pkg) {
			inner := chain[1 : len(chain)-1]
			if forbidden(target) && !slices.ContainsFunc(inner, forbidden) {
				found = append(found, fmt.Sprintf("%s reaches %s: %s (%s)", pkg, target, why, strings.Join(chain, " → ")))
			}
		}
	}
	slices.Sort(found)
	return found
}

// own returns the import path of a room of this tree.
func own(room string) string { return Module + "/" + room }

func ownAll(rooms []string) []string {
	paths := make([]string, len(rooms))
	for i, room := range rooms {
		paths[i] = own(room)
	}
	return paths
}

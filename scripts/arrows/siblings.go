package arrows

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Siblings says, for each package of a room, which other packages of the same
// room it may import. The key is its path below the room, with all that is below
// it; "." is the room's own package. A package without a row may not be, so that
// nobody adds one without saying whom it may know; a row that allows what is not
// imported must go.
func Siblings(room string, may map[string][]string) Rule {
	check := func(g Graph) []string {
		var found []string
		known := map[string]map[string]bool{}
		for _, pkg := range g.Packages(own(room)) {
			from := sibling(room, pkg, may)
			if known[from] == nil {
				known[from] = map[string]bool{}
			}
			for _, imported := range g[pkg] {
				to := sibling(room, imported, may)
				if to == "" || to == from {
					continue
				}
				known[from][to] = true
				if !slices.Contains(may[from], to) {
					found = append(found, fmt.Sprintf("%s imports %s: its row allows %v of %s", pkg, imported, may[from], room))
				}
			}
			if _, ok := may[from]; !ok {
				found = append(found, fmt.Sprintf("%s has no row: say which other packages of %s it may import", pkg, room))
			}
		}
		for _, from := range slices.Sorted(maps.Keys(may)) {
			for _, to := range may[from] {
				if !known[from][to] {
					found = append(found, fmt.Sprintf("%s/%s does not import %s: take it from the row", room, from, to))
				}
			}
			if known[from] == nil {
				found = append(found, fmt.Sprintf("%s/%s is no package: take its row away", room, from))
			}
		}
		return found
	}
	return Rule{Name: "whom the packages of " + room + " may know", Check: check}
}

// sibling is the key of the package at path in the table of a room, "" outside of
// the room: the longest that has a row, else its first word.
func sibling(room, path string, may map[string][]string) string {
	if path == own(room) {
		return "."
	}
	below, ok := strings.CutPrefix(path, own(room)+"/")
	if !ok {
		return ""
	}
	for key := below; ; {
		if _, row := may[key]; row {
			return key
		}
		i := strings.LastIndex(key, "/")
		if i < 0 {
			return key
		}
		key = key[:i]
	}
}

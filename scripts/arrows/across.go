package arrows

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Across says, for each package of one room, which packages of another it may
// import, each by its path below that room; "." is the room's own package. What
// has no row may import none of them. A row that allows what is not imported
// must go.
func Across(from, to string, may map[string][]string) Rule {
	check := func(g Graph) []string {
		var found []string
		used := map[string]map[string]bool{}
		for _, pkg := range g.Packages(own(from)) {
			key := sibling(from, pkg, may)
			if used[key] == nil {
				used[key] = map[string]bool{}
			}
			for _, imported := range g[pkg] {
				at := sibling(to, imported, map[string][]string{strings.TrimPrefix(imported, own(to)+"/"): nil})
				if at == "" {
					continue
				}
				used[key][at] = true
				if !slices.Contains(may[key], at) {
					found = append(found, fmt.Sprintf("%s imports %s: its row allows %v of %s", pkg, imported, may[key], to))
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(may)) {
			for _, at := range may[key] {
				if !used[key][at] {
					found = append(found, fmt.Sprintf("%s/%s does not import %s of %s: take it from the row", from, key, at, to))
				}
			}
		}
		return found
	}
	return Rule{Name: "what the packages of " + from + " may know of " + to, Check: check}
}

package artifact

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// perPlatform are the members of a plugin manifest that may differ between the
// platforms of one version: where its program is, what it fetches, how and when
// it was built, and the texts and pictures beside it. All else is shown once for
// the version, and decides for every platform, so it must agree.
var perPlatform = []string{"platforms", "entrypoint", "payloads", "created", "revision", "readme", "changelog", "icon", "screenshots"}

// siblingProblems says where two manifests of one image index say something
// else about the version: each member with both values. What said says, the
// annotations of the index, holds for both where they are silent.
func siblingProblems(place string, first, other, said *Plugin) []Problem {
	a, b := membersOf(first, said), membersOf(other, said)
	var out []Problem
	for _, key := range keysOf(a, b) {
		if a[key] != b[key] && !slices.Contains(perPlatform, key) {
			out = append(out, Problem{Place: place + " /" + key,
				Detail: fmt.Sprintf("says %s, the first manifest says %s", orNothing(b[key]), orNothing(a[key])),
				Fix:    "say the same in the manifest of every platform: hosts and people read it once for the version"})
		}
	}
	return out
}

// membersOf is p with what said adds to it, each member as JSON in which order
// means nothing.
func membersOf(p, said *Plugin) map[string]string {
	whole := *p
	whole.merge(said)
	whole.Keywords, whole.Categories, whole.Niches = sorted(whole.Keywords), sorted(whole.Categories), sorted(whole.Niches)
	whole.Permissions = slices.SortedFunc(slices.Values(whole.Permissions), func(x, y Permission) int { return strings.Compare(x.Name, y.Name) })
	whole.Dependencies = slices.SortedFunc(slices.Values(whole.Dependencies), func(x, y Dependency) int { return strings.Compare(x.ID.String(), y.ID.String()) })
	raw, err := json.Marshal(&whole)
	members := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(raw, &members)
	}
	if err != nil {
		panic(fmt.Sprintf("a plugin manifest that was read cannot be written: %v", err)) // a mistake of this package
	}
	out := make(map[string]string, len(members))
	for key, value := range members {
		out[key] = string(value)
	}
	return out
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func keysOf(a, b map[string]string) []string {
	var out []string
	for key := range a {
		out = append(out, key)
	}
	for key := range b {
		if _, both := a[key]; !both {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// orNothing is a value as a problem tells it.
func orNothing(value string) string {
	switch {
	case value == "":
		return "nothing"
	case len(value) > 200:
		return strings.ToValidUTF8(value[:200], "") + "…"
	}
	return value
}

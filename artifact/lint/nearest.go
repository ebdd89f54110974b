package lint

import (
	"slices"
	"strings"
)

// elsewhere maps what other plugin formats call a field to its name here.
var elsewhere = map[string]string{
	"title":       "name",
	"displayname": "name",
	"summary":     "description",
	"author":      "vendor",
	"publisher":   "id",
	"main":        "entrypoint",
	"bin":         "entrypoint",
	"url":         "homepage",
	"source":      "repository",
	"docs":        "documentation",
	"licence":     "license",
	"tags":        "keywords",
	"hosts":       "engines",
	"requires":    "dependencies",
	"commit":      "revision",
}

// nearest is the known name that name was probably meant to be, or "".
func nearest(name string, known []string) string {
	plain := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
	if there := elsewhere[plain]; slices.Contains(known, there) {
		return there
	}
	best, least := "", 3
	for _, k := range known {
		if d := distance(plain, strings.ReplaceAll(k, "_", "")); d < least && d < len(k)-1 {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

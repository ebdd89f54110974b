package pages

import (
	"regexp"
	"strings"
)

// Missing returns the first line of want that got does not have after the lines before
// it, and "" if it has all. "…" in a line of want stands for anything, and blanks
// count as one; a line of nothing but "…", and an empty one, say nothing.
func Missing(want, got string) string {
	lines := strings.Split(got, "\n")
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		if strings.Trim(line, "…") == "" {
			continue
		}
		at, pattern := 0, linePattern(line)
		for at < len(lines) && !pattern.MatchString(strings.TrimSpace(lines[at])) {
			at++
		}
		if at == len(lines) {
			return line
		}
		lines = lines[at+1:]
	}
	return ""
}

func linePattern(line string) *regexp.Regexp {
	words := strings.Fields(line)
	for i, word := range words {
		words[i] = strings.ReplaceAll(regexp.QuoteMeta(word), "…", ".*")
	}
	return regexp.MustCompile("^" + strings.Join(words, `\s+`) + "$")
}

package pack

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// IgnoreFile names the file of patterns that pack leaves out.
const IgnoreFile = ".oarlockignore"

// An ignoreRule is one line of the ignore file, read as git reads .gitignore.
type ignoreRule struct {
	segments []string // "**" spans any number of directories
	negate   bool
	dirOnly  bool
}

type ignoreRules []ignoreRule

// readIgnore reads the ignore file. Version control and the ignore file itself
// never travel.
func readIgnore(root *os.Root) (ignoreRules, error) {
	raw, err := readLimited(root, IgnoreFile, 64<<10)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	text, err := plainText(IgnoreFile, raw)
	if err != nil {
		return nil, err
	}
	rules, err := parseIgnore(text)
	if err != nil {
		return nil, err
	}
	for _, always := range []string{".git", "/" + IgnoreFile} {
		rule, _ := parseRule(always)
		rules = append(rules, rule)
	}
	return rules, nil
}

func parseIgnore(text string) (ignoreRules, error) {
	var rules ignoreRules
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		rule, err := parseRule(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: pattern %q: %s: %w", IgnoreFile, i+1, line, err, artifact.ErrInvalid)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

func parseRule(line string) (ignoreRule, error) {
	var r ignoreRule
	line, r.negate = strings.CutPrefix(line, "!")
	line, r.dirOnly = strings.CutSuffix(line, "/")
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if !anchored {
		line = "**/" + line
	}
	r.segments = strings.Split(line, "/")
	for _, s := range r.segments {
		if _, err := path.Match(s, ""); err != nil {
			return r, err
		}
	}
	return r, nil
}

// match reports whether p stays out; the last rule that speaks of p decides.
func (rules ignoreRules) match(p string, dir bool) bool {
	segments := strings.Split(p, "/")
	for i := len(rules) - 1; i >= 0; i-- {
		if r := rules[i]; (dir || !r.dirOnly) && matchSegments(r.segments, segments) {
			return !r.negate
		}
	}
	return false
}

func matchSegments(pattern, p []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := range len(p) + 1 {
				if matchSegments(pattern[1:], p[i:]) {
					return true
				}
			}
			return false
		}
		if len(p) == 0 {
			return false
		}
		if ok, _ := path.Match(pattern[0], p[0]); !ok {
			return false
		}
		pattern, p = pattern[1:], p[1:]
	}
	return len(p) == 0
}

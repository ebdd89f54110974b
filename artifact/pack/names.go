package pack

import (
	"path"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/oarlock/oarlock/artifact"
)

type kind int

const (
	kindDir kind = iota + 1
	kindFile
	kindLink
)

type entry struct {
	name string
	kind kind
}

// names remembers every name by its folded form, so that two names that one
// file system or another takes for the same are noticed.
type names map[string]entry

// add takes name, which cleanName has passed, with all directories above it.
// A directory may come again; nothing else may.
func (n names) add(name string, k kind, l Limits) error {
	if len(name) > l.Path {
		return refuse(CodePathTooLong, name, "%d bytes, expected at most %d", len(name), l.Path)
	}
	if depth := strings.Count(name, "/") + 1; depth > l.Depth {
		return refuse(CodePathTooDeep, name, "%d levels, expected at most %d", depth, l.Depth)
	}
	for i, c := range name {
		if c == '/' {
			if err := n.parent(name, name[:i]); err != nil {
				return err
			}
		}
	}
	old, ok := n[fold(name)]
	switch {
	case !ok:
		n[fold(name)] = entry{name, k}
	case old.name != name:
		return refuse(CodeCollision, name, "is the same name as %q where case or Unicode form does not count", old.name)
	case k != kindDir || old.kind != kindDir:
		return refuse(CodeDuplicate, name, "is there twice")
	}
	return nil
}

// parent takes the directory dir that name lies in.
func (n names) parent(name, dir string) error {
	old, ok := n[fold(dir)]
	switch {
	case !ok:
		n[fold(dir)] = entry{dir, kindDir}
	case old.name != dir:
		return refuse(CodeCollision, name, "%q is the same name as %q where case or Unicode form does not count", dir, old.name)
	case old.kind == kindLink:
		return refuse(CodeBelowLink, name, "%q is a link, nothing may lie below it", dir)
	case old.kind == kindFile:
		return refuse(CodeDuplicate, name, "%q is a file already, nothing may lie below it", dir)
	}
	return nil
}

// cleanName gives the name of an entry without "./" and doubled slashes, or
// refuses it. The root itself is ".".
func cleanName(name string) (string, error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", refuse(CodePathAbsolute, name, "expected a path relative to the plugin")
	case hasDotDot(name):
		return "", refuse(CodePathTraversal, name, "contains \"..\"")
	case name == "" || !utf8.ValidString(name) || !artifact.SafePath(name):
		return "", refuse(CodePathUnsafe, name, "expected UTF-8 with forward slashes, without drive, backslash or NUL")
	}
	clean := path.Clean(name)
	if strings.HasPrefix(clean, "./") || !artifact.SafePath(clean) {
		return "", refuse(CodePathUnsafe, name, "is not safe once cleaned")
	}
	if runtime.GOOS == "windows" {
		if err := artifact.PortablePath(clean); err != nil {
			return "", refuse(CodePathUnsafe, name, "%s", err)
		}
	}
	return clean, nil
}

func hasDotDot(p string) bool {
	for part := range strings.FieldsFuncSeq(p, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == ".." {
			return true
		}
	}
	return false
}

// checkLink refuses a symbolic link that could leave the directory. Nothing
// ever lies below a link, so the directories above name are real, and each
// leading ".." climbs exactly one of them; behind the last ".." a target only
// goes down, through links that obey the same rule.
func checkLink(name, target string) error {
	if target == "" || strings.HasPrefix(target, "/") || strings.ContainsAny(target, "\\\x00:") || !utf8.ValidString(target) {
		return refuse(CodeLinkEscape, name, "links to %.200q, expected a relative path inside the plugin", target)
	}
	climbs, down := 0, false
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == ".." && down:
			return refuse(CodeLinkEscape, name, "links to %.200q, expected \"..\" only at its beginning", target)
		case part == "..":
			climbs++
		case part != "." && part != "":
			down = true
		}
	}
	if climbs > strings.Count(name, "/") {
		return refuse(CodeLinkEscape, name, "links to %.200q, which is outside the plugin", target)
	}
	return nil
}

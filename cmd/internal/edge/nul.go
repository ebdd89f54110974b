package edge

import (
	"net/url"
	"strings"
)

// HasNUL reports whether a path or query holds a NUL byte, also one that is
// escaped twice in the path. No name or text of ours has one, and databases
// and file systems disagree on what it means.
func HasNUL(u *url.URL) bool {
	return strings.Contains(u.Path, "\x00") || strings.Contains(u.Path, "%00") ||
		strings.Contains(u.RawQuery, "%00") || strings.Contains(u.RawQuery, "\x00")
}

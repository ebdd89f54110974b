package artifact

import (
	"fmt"
	"slices"
)

// What Go calls operating systems and architectures, which is what the image-spec
// (1.1, "os" and "architecture" of a platform) says should be used.
var (
	knownOS = []string{"aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux", "netbsd", "openbsd", "plan9",
		"solaris", "wasip1", "windows", "zos"}
	knownArch = []string{"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64",
		"s390x", "sparc64", "wasm"}
	// otherNames are what others call them.
	otherNames = map[string]string{"macos": "darwin", "macosx": "darwin", "osx": "darwin", "win": "windows", "win32": "windows", "win64": "windows",
		"x64": "amd64", "x86": "386", "i386": "386", "i686": "386", "arm64v8": "arm64", "wasm32": "wasm", "wasi": "wasip1"}
)

// ParseKnownPlatform is ParsePlatform for what a person asks, or writes of a
// machine: a word that is almost one of Go's, or another's word for it, is refused
// with the one that was probably meant, since nothing would ever fit it. Any other
// word is a platform of one's own, which the image-spec allows. Errors wrap
// ErrInvalid.
func ParseKnownPlatform(s string) (Platform, error) {
	p, err := ParsePlatform(s)
	if err != nil {
		return p, err
	}
	if word, meant := p.Slip(); word != "" {
		return Platform{}, fmt.Errorf("platform %q: nobody builds for %q: did you mean %q? %w", s, word, meant, ErrInvalid)
	}
	return p, nil
}

// Slip is the part of p that is probably a slip of the pen, and the platform that
// was meant; "" where there is none. What is far from every word of Go's is none: it
// is a platform of somebody's own.
func (p Platform) Slip() (word, meant string) {
	if p.IsZero() {
		return "", ""
	}
	q := p
	if near := almost(p.arch, knownArch); near != "" {
		word, q.arch = p.arch, near
	}
	if near := almost(p.os, knownOS); near != "" {
		word, q.os = p.os, near
	}
	if word == "" {
		return "", ""
	}
	return word, q.normal().String()
}

// almost is the word of known that one edit makes of word: a letter more, less or
// another, or two neighbours exchanged; "" for a word that is known, or like none.
func almost(word string, known []string) string {
	if slices.Contains(known, word) {
		return ""
	}
	if meant := otherNames[word]; slices.Contains(known, meant) {
		return meant
	}
	for _, k := range known {
		if len(k) > 2 && oneEdit(word, k) {
			return k
		}
	}
	return ""
}

// oneEdit reports whether a and b, which differ, are one edit apart.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

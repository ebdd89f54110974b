package auth

import (
	"slices"
	"strings"
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// minEditLength is the shortest protected name that an edit of one letter is
// held against: below it too many honest names lie one letter apart.
const minEditLength = 5

// minNasalLength is the shortest name whose n and m are held against one
// another: below it they are most of what tells names apart, as vim and vin.
const minNasalLength = 4

// ReservedNames are the namespaces that nobody can claim.
func ReservedNames() []string {
	return []string{
		artifact.ReservedPublisher, "admin", "administrator", "root", "system", "security", "support", "official",
		"registry", "catalog", "publishers", "plugin", "plugins", "library", "auth", "token", "login", "metrics",
		"anonymous", "robot", "process", "review", "reviewer", "operator", "tenant", "tenants", "livez", "readyz",
	}
}

// Lookalikes knows names and finds the one that another resembles. Letters of
// other scripts cannot occur in a name, so what is left to confuse is
//
//   - separators: acme-tools, acmetools
//   - characters: 0 and o, 1, l and i, 3 and e, 4 and a, 5 and s, 7 and t,
//     8 and b, rn and m, vv and w, cl and d
//   - doubled letters: acme, accme
//   - one n for an m, or an nn: acme, acne, acnne, in names of at least
//     minNasalLength letters
//   - for protected names, one letter more, less, other or swapped: oarlcok
//
// One letter more, less or other makes another name, where it is none of these
// and the known name is not protected: wave and waves, tools1 and tools2, hello
// and hallo, secretco and secretcom lie so often in one house that nobody could
// claim anything. So do two of an n for an m: name and mane.
//
// Each question takes a few map look-ups however many names there are. Safe
// for concurrent use.
type Lookalikes struct {
	mu        sync.RWMutex
	keys      map[string]string // key → name
	near      map[string][]string
	protected map[string]bool
}

// NewLookalikes makes an index in which the names in protected are held to
// the strictest rule.
func NewLookalikes(protected []string) *Lookalikes {
	l := &Lookalikes{keys: map[string]string{}, near: map[string][]string{}, protected: map[string]bool{}}
	for _, name := range protected {
		l.Protect(name)
	}
	return l
}

// Add makes a name known.
func (l *Lookalikes) Add(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(name)
}

func (l *Lookalikes) add(name string) {
	for _, k := range LookalikeKeys(name) {
		if _, taken := l.keys[k]; !taken {
			l.keys[k] = name
		}
	}
}

// Protect makes a name known and holds edits of one letter against it too, for
// reserved and popular names.
func (l *Lookalikes) Protect(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(name)
	if l.protected[name] {
		return
	}
	l.protected[name] = true
	for _, d := range deletions(shape(name)) {
		l.near[d] = append(l.near[d], name)
	}
}

// Reserved reports whether name itself is protected.
func (l *Lookalikes) Reserved(name string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.protected[name]
}

// Resembles returns the known name that name equals or looks like.
func (l *Lookalikes) Resembles(name string) (string, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.protected[name] {
		return name, true
	}
	for _, k := range LookalikeKeys(name) {
		if other, ok := l.keys[k]; ok {
			return other, true
		}
	}
	s := shape(name)
	for _, d := range deletions(s) {
		for _, other := range l.near[d] {
			if o := shape(other); len(o) >= minEditLength && oneEdit(s, o) {
				return other, true
			}
		}
	}
	return "", false
}

// Confusable returns the name that name equals or looks like, among existing
// and reserved ones. Lookalikes answers the same for many questions.
func Confusable(name string, existing, reserved []string) (resembles string, yes bool) {
	l := NewLookalikes(reserved)
	for _, e := range existing {
		l.Add(e)
	}
	return l.Resembles(name)
}

// LookalikeKeys are equal, one or the other, for names that look alike; a
// store that keeps each key once refuses two of them even when they race.
func LookalikeKeys(name string) []string {
	return append([]string{"shape:" + shape(name), "single:" + shape(single(name))}, nasals(name)...)
}

// nasals are one key for each n, nn and m of a name, which stands in its place.
// The rest is as in shape, but for rn: an r before an n that becomes an m stays.
func nasals(name string) []string {
	s := strokes(name)
	var keys []string
	for i := range len(s) {
		if s[i] != 'n' && s[i] != 'm' {
			continue
		}
		ends := []int{i + 1}
		if strings.HasPrefix(s[i:], "nn") {
			ends = append(ends, i+2)
		}
		for _, end := range ends {
			if k := s[:i] + "~" + s[end:]; len(k) >= minNasalLength {
				keys = append(keys, "nasal:"+k)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

var (
	alike = strings.NewReplacer("-", "", "_", "", ".", "",
		"0", "o", "1", "l", "i", "l", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b",
		"w", "vv", "d", "cl")
	joined = strings.NewReplacer("vv", "w", "cl", "d")
)

// strokes is a name without separators, with letters for digits, and w and d
// for pairs that can be taken for them. What is taken for a pair is written as
// the pair first, so that vvv and vw come out the same.
func strokes(name string) string { return joined.Replace(alike.Replace(strings.ToLower(name))) }

// shape is a name as a hurried reader sees it: with m for rn too.
func shape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strokes(name), "m", "rn"), "rn", "m")
}

// single writes each run of one letter once, w aside: vv is a letter of its own.
func single(name string) string {
	b := []byte(strings.NewReplacer("-", "", "_", "", ".", "", "vv", "w").Replace(strings.ToLower(name)))
	return string(slices.Compact(b))
}

// deletions are s and all that is left when one byte of it goes.
func deletions(s string) []string {
	out := []string{s}
	for i := range len(s) {
		out = append(out, s[:i]+s[i+1:])
	}
	return out
}

// oneEdit reports whether one letter added, dropped, changed or swapped with
// its neighbour turns s into t.
func oneEdit(s, t string) bool {
	i := 0
	for i < len(s) && i < len(t) && s[i] == t[i] {
		i++
	}
	s, t = s[i:], t[i:]
	switch {
	case s == "" || t == "":
		return len(s)+len(t) <= 1
	case s[1:] == t[1:], s[1:] == t, s == t[1:]:
		return true
	}
	return len(s) > 1 && len(t) > 1 && s[0] == t[1] && s[1] == t[0] && s[2:] == t[2:]
}

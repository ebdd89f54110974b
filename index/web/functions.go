package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/opencontainers/go-digest"
)

var functions = template.FuncMap{
	"t":        text,
	"ago":      ago,
	"exact":    func(t *time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") },
	"size":     size,
	"short":    short,
	"path":     pluginPath,
	"platform": platformText,
	"initial":  initial,
	"hue":      hue,
	"join":     strings.Join,
	"sorted":   func(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) },
	"listing":  func(key, value string) string { return "/?" + url.Values{key: {value}}.Encode() },
	"reason":   func(code string) string { return known("reason."+code, code) },
	"noticed":  noticed,
	"kind":     func(code string) string { return known("kind."+code, code) },
	"value":    func(facet, value string) string { return known("value."+facet+"."+value, value) },
	"dict":     dict,
	"lower":    strings.ToLower,

	"chartheight": func(all []bar) int { return len(all) * barPitch },
	"charty":      func(i int) int { return i*barPitch + 10 },
}

// texts are the sentences of the pages by key.
var texts = readTexts()

func readTexts() map[string]string {
	raw, err := files.ReadFile("text/en.json")
	if err == nil {
		out := map[string]string{}
		if err = json.Unmarshal(raw, &out); err == nil {
			return out
		}
	}
	panic(err) // the file is part of the program
}

// text is the sentence of key with its values. A key that is not there shows
// as itself; a test keeps that from happening.
func text(key string, values ...any) string {
	s, ok := texts[key]
	switch {
	case !ok:
		return key
	case len(values) == 0:
		return s
	}
	return fmt.Sprintf(s, values...)
}

func known(key, otherwise string) string {
	if s, ok := texts[key]; ok {
		return s
	}
	return otherwise
}

// dict hands several values to a component.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict takes pairs, %d values came", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// ago is how long before now t was, in the largest unit that fits.
func ago(now time.Time, t *time.Time) string {
	d := now.Sub(*t)
	if d < 0 {
		return t.UTC().Format("2006-01-02")
	}
	for _, u := range []struct {
		key string
		d   time.Duration
	}{{"year", 365 * 24 * time.Hour}, {"month", 30 * 24 * time.Hour}, {"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if n := int(d / u.d); n == 1 {
			return text("ago." + u.key)
		} else if n > 1 {
			return text("ago."+u.key+"s", n)
		}
	}
	return text("ago.now")
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/unit, 0
	for f >= unit && i < 3 {
		f, i = f/unit, i+1
	}
	return fmt.Sprintf("%.1f %cB", f, "kMGT"[i])
}

// short is a digest that people can compare at a glance.
func short(d digest.Digest) string {
	if d.Validate() != nil {
		return string(d)
	}
	return d.Algorithm().String() + ":" + d.Encoded()[:12]
}

// pluginPath is the page of a plugin, or of one of its versions.
func pluginPath(id string, version ...string) string {
	publisher, name, _ := strings.Cut(id, "/")
	p := "/plugins/" + url.PathEscape(publisher) + "/" + url.PathEscape(name)
	if len(version) > 0 {
		p += "/" + url.PathEscape(version[0])
	}
	return p
}

// initial is the letter that stands for a plugin without a picture.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "?"
}

// hue is one of eight colors, always the same for one name.
func hue(name string) string {
	return [...]string{"#1d4ed8", "#0f766e", "#7c3aed", "#b45309", "#be123c", "#15803d", "#0369a1", "#a21caf"}[digest.FromString(name).Encoded()[0]%8]
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }

package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// The most choices that a licence expression is spelled out in, and how deep
// its parentheses may be; beyond that it is looked for as it stands.
const (
	maxChoices = 32
	maxNesting = 16
)

// licenseChoices are the licences of which one is enough for an SPDX
// expression: "MIT OR Apache-2.0" gives both. Licences that bind together stay
// together, "A AND B", in one order. What is no expression is its own choice.
//
// Source: SPDX specification 2.3, annex D.
func licenseChoices(expression string) []string {
	expression = strings.TrimSpace(expression)
	if expression == "" {
		return nil
	}
	p := licenseParser{words: strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(expression))}
	sets, ok := p.either(0)
	if !ok || p.at != len(p.words) {
		return []string{expression}
	}
	out := make([]string, 0, len(sets))
	for _, set := range sets {
		slices.SortFunc(set, func(a, b string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
		})
		if text := strings.Join(slices.Compact(set), " AND "); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// choicesOf are those of several expressions.
func choicesOf(expressions []string) []string {
	var out []string
	for _, e := range expressions {
		out = append(out, licenseChoices(e)...)
	}
	return out
}

// A licenseParser reads
//
//	either = both { "OR" both }
//	both   = one { "AND" one }
//	one    = "(" either ")" | id [ "WITH" id ]
//
// as sets of licences: one whole set is enough.
type licenseParser struct {
	words []string
	at    int
}

func (p *licenseParser) take(word string) bool {
	if p.at < len(p.words) && strings.EqualFold(p.words[p.at], word) {
		p.at++
		return true
	}
	return false
}

func (p *licenseParser) either(depth int) ([][]string, bool) {
	out, ok := p.both(depth)
	for ok && p.take("OR") {
		var more [][]string
		more, ok = p.both(depth)
		out = append(out, more...)
	}
	return out, ok && len(out) <= maxChoices
}

func (p *licenseParser) both(depth int) ([][]string, bool) {
	out, ok := p.one(depth)
	for ok && p.take("AND") {
		var more, all [][]string
		if more, ok = p.one(depth); !ok || len(out)*len(more) > maxChoices {
			return nil, false
		}
		for _, a := range out {
			for _, b := range more {
				all = append(all, slices.Concat(a, b))
			}
		}
		out = all
	}
	return out, ok
}

func (p *licenseParser) one(depth int) ([][]string, bool) {
	if p.take("(") {
		if depth >= maxNesting {
			return nil, false
		}
		out, ok := p.either(depth + 1)
		return out, ok && p.take(")")
	}
	id, ok := p.id()
	if ok && p.take("WITH") {
		var exception string
		exception, ok = p.id()
		id += " WITH " + exception
	}
	return [][]string{{id}}, ok
}

func (p *licenseParser) id() (string, bool) {
	if p.at == len(p.words) {
		return "", false
	}
	word := p.words[p.at]
	for _, no := range []string{"(", ")", "AND", "OR", "WITH"} {
		if strings.EqualFold(word, no) {
			return "", false
		}
	}
	p.at++
	return word, true
}

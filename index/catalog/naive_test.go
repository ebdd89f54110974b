package catalog

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// naive answers as Query does, by the rules written down plainly: every plugin
// is decoded and looked at whole.
func (s *Snapshot) naive(q Query, env Joins) (Result, error) {
	q, err := q.checked()
	if err != nil {
		return Result{}, err
	}
	var after *cursor
	if q.Cursor != "" {
		c, err := s.cursorFor(&q)
		if err != nil {
			return Result{}, err
		}
		after = &c
	}
	m := s.matcher(q)
	rows := s.rows(q, m, env)
	res := Result{Total: len(rows), Items: []Hit{}}
	for _, name := range q.Facets {
		if res.Facets == nil {
			res.Facets = map[string]map[string]int{}
		}
		res.Facets[name] = s.facet(name, q, m)
	}
	for i, r := range rows {
		if after != nil && !(r.key > after.key || r.key == after.key && r.hit.Plugin.ID.Compare(after.id) > 0) && !q.nameAfter(r, s, after) {
			continue
		}
		if len(res.Items) == q.Limit {
			last := rows[i-1]
			res.NextCursor = cursor{q.Generation, s.shortDigest(), q.question(), last.key, last.hit.Plugin.ID}.String()
			break
		}
		res.Items = append(res.Items, r.hit)
	}
	return res, nil
}

// seen are the plugins that q looks at.
func (s *Snapshot) seen(q Query) func(func(*Plugin) bool) {
	return func(yield func(*Plugin) bool) {
		for p := range s.Plugins {
			if !yield(lifted(p, q)) {
				return
			}
		}
	}
}

const byLifted = "lifted"

// lifted is p as if its state allowed installs, where q asks for states that do
// not: by the versions that nothing else keeps from being listed, or the newest.
func lifted(p *Plugin, q Query) *Plugin {
	asks := slices.ContainsFunc(q.States, func(s string) bool {
		return slices.Contains([]string{"suspended", "removed", "emergency-removed"}, strings.ToLower(s))
	})
	if p.Installable() || !asks || len(p.Versions) == 0 {
		return p
	}
	next := *p
	next.State, next.Moves = index.StateActive, []index.Move{{State: p.State, By: byLifted}}
	next.Versions = slices.Clone(p.Versions)
	for i := range next.Versions {
		v := &next.Versions[i]
		v.Pending = slices.DeleteFunc(slices.Clone(v.Pending), func(r index.Reason) bool { return r.Code == index.ReasonEmergency })
		if v.State == index.VersionEmergencyRemoved {
			v.State = index.VersionActive
		}
	}
	if next.face() == nil {
		next.Versions[0].Pending, next.Versions[0].Yanked, next.Versions[0].State = nil, nil, index.VersionActive
	}
	return &next
}

type row struct {
	hit  Hit
	name string
	key  uint64
}

func (q *Query) nameAfter(r row, s *Snapshot, after *cursor) bool {
	if q.Sort != SortName {
		return false
	}
	p, _ := s.Plugin(after.id)
	p = lifted(p, *q)
	return cmp.Or(cmp.Compare(r.name, nameKey(p, p.face())), r.hit.Plugin.ID.Compare(after.id)) > 0
}

func (s *Snapshot) rows(q Query, m *matcher, env Joins) []row {
	var out []row
	for p := range s.seen(q) {
		face := p.face()
		if face == nil {
			continue
		}
		fit := p.Candidates(q.Fit)
		if len(fit) == 0 {
			continue
		}
		h := Hit{Plugin: p, Version: fit[0]}
		if !q.admits(h, "") {
			continue
		}
		if q.Text != "" {
			d := docOf(p, face)
			if h.Score = m.score(&d, p, face); h.Score == 0 {
				continue
			}
		}
		r := row{hit: h, name: nameKey(p, face)}
		r.key = sortKey(q.Sort, h, env)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b row) int {
		c := cmp.Compare(a.key, b.key)
		if q.Sort == SortName {
			c = cmp.Compare(a.name, b.name)
		}
		return cmp.Or(c, a.hit.Plugin.ID.Compare(b.hit.Plugin.ID))
	})
	return out
}

// sortKey is smaller for what comes first; 0 where the name decides.
func sortKey(order string, h Hit, env Joins) uint64 {
	switch {
	case order == SortRelevance:
		return descending(int64(h.Score))
	case order == SortUpdated:
		return descending(newest(h.Plugin))
	case order == SortDownloads && env != nil:
		return descending(env.Downloads(h.Plugin.ID))
	case order == SortRating && env != nil:
		average, _ := env.Rating(h.Plugin.ID)
		return ^math.Float64bits(max(average, 0))
	}
	return 0
}

// newest is when the newest of the listed versions came.
func newest(p *Plugin) int64 {
	at := int64(math.MinInt64)
	for _, v := range p.Versions {
		if v.Listed() && !v.PublishedAt.IsZero() {
			at = max(at, v.PublishedAt.UnixMicro())
		}
	}
	return at
}

// admits reports whether every filter but the one named takes h.
func (q *Query) admits(h Hit, but string) bool {
	for name, wanted := range q.filters() {
		if name == but || len(wanted) == 0 {
			continue
		}
		if name == FacetLicense {
			wanted = choicesOf(wanted)
		}
		if !slices.ContainsFunc(valuesOf(name, h), func(v string) bool {
			return slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(v, w) })
		}) {
			return false
		}
	}
	src := sourceOf(h.Plugin)
	return q.Source == "" || but == FacetSource || strings.EqualFold(q.Source, src.Badge) || strings.EqualFold(q.Source, src.Name)
}

func (q *Query) filters() map[string][]string {
	f := map[string][]string{FacetCategory: q.Categories, FacetPublisher: q.Publishers, FacetLicense: q.Licenses,
		FacetNiche: q.Niches, FacetTier: q.Tiers, FacetState: q.States, "has": q.Has, "builder": q.Builders, FacetSignature: q.Signatures}
	if q.PublisherVerified != nil {
		f[FacetPublisherVerified] = []string{strconv.FormatBool(*q.PublisherVerified)}
	}
	if q.Verified != nil {
		f[FacetVerified] = []string{strconv.FormatBool(*q.Verified)}
	}
	return f
}

// valuesOf are the values of a facet that h has; none is empty.
func valuesOf(name string, h Hit) []string {
	var out []string
	m := h.Version.Plugin
	switch {
	case name == FacetPublisher:
		out = []string{h.Plugin.ID.Publisher()}
	case name == FacetState:
		out = []string{string(h.Plugin.State)}
		if m := h.Plugin.Moves; len(m) > 0 && m[0].By == byLifted {
			out = []string{string(m[0].State)}
		}
	case name == FacetVerified:
		out = []string{strconv.FormatBool(h.Version.Signature.Status == "verified")}
	case name == FacetSource:
		out = []string{sourceOf(h.Plugin).Name}
	case name == FacetSignature:
		out = []string{string(h.Version.Signature.Status)}
	case name == FacetPublisherVerified:
		out = []string{strconv.FormatBool(h.Plugin.Publisher.Verified)}
	case name == "has", name == "builder":
		for _, a := range h.Version.Attestations {
			if values := map[string][]string{"has": {a.Kind, a.PredicateType}, "builder": {a.Builder}}; a.Verified {
				out = append(out, values[name]...)
			}
		}
	case m == nil:
	case name == FacetCategory:
		out = slices.Clone(m.Categories)
	case name == FacetNiche:
		out = slices.Clone(m.Niches)
	case name == FacetLicense:
		out = licenseChoices(m.License)
	case name == FacetTier:
		out = []string{m.Tier}
	}
	out = slices.DeleteFunc(out, func(v string) bool { return v == "" })
	slices.Sort(out)
	return slices.Compact(out)
}

// facet counts the values of one facet among the plugins that all other
// filters take.
func (s *Snapshot) facet(name string, q Query, m *matcher) map[string]int {
	counts, total := map[string]int{}, map[string]int{}
	for p := range s.seen(q) {
		face := p.face()
		if face == nil {
			continue
		}
		if q.Text != "" {
			if d := docOf(p, face); m.score(&d, p, face) == 0 {
				continue
			}
		}
		fit := q.Fit
		switch name {
		case FacetPlatform:
			for _, pf := range s.platforms(q) {
				fit.Platform = pf
				countFit(counts, pf.String(), p, fit, q)
			}
		case FacetChannel:
			for channel := range p.Channels {
				fit.Channel = channel
				countFit(counts, channel, p, fit, q)
			}
		default:
			if list := p.Candidates(fit); len(list) > 0 {
				if h := (Hit{Plugin: p, Version: list[0]}); q.admits(h, name) {
					values := valuesOf(name, h)
					for _, v := range values {
						counts[v]++
					}
					heard := map[string]bool{}
					for _, v := range values {
						if low := strings.ToLower(v); !heard[low] {
							heard[low] = true
							total[low]++
						}
					}
				}
			}
		}
	}
	if name == FacetPlatform || name == FacetChannel {
		return counts
	}
	out := map[string]int{}
	for low, n := range total { // the spelling of most
		best := ""
		for v, count := range counts {
			if strings.ToLower(v) == low && (best == "" || count > counts[best] || count == counts[best] && v < best) {
				best = v
			}
		}
		out[best] = n
	}
	return out
}

func countFit(counts map[string]int, value string, p *Plugin, fit Fit, q Query) {
	if list := p.Candidates(fit); len(list) > 0 && q.admits(Hit{Plugin: p, Version: list[0]}, "") {
		counts[value]++
	}
}

// A matcher scores plugins by a text.
type matcher struct {
	phrase string
	words  []map[string]int // per word of the text: word of a plugin → nearness
}

func (s *Snapshot) matcher(q Query) *matcher {
	text := q.Text
	m := &matcher{phrase: phrase(text)}
	if text == "" {
		return m
	}
	all := map[string]bool{}
	for p := range s.seen(q) {
		if face := p.face(); face != nil {
			for w := range docOf(p, face).words {
				all[w] = true
			}
		}
	}
	asked := tokens(text)
	for i, w := range asked {
		near := map[string]int{}
		for have := range all {
			switch {
			case have == w:
				near[have] = nearExact
			case slices.Contains(plurals(w), have):
				near[have] = nearPlural
			case (i == len(asked)-1 || isPiece(w)) && strings.HasPrefix(have, w):
				near[have] = nearPrefix
			}
		}
		if len(near) == 0 {
			for have := range all {
				switch d := plainDistance(w, have); {
				case d > typos(w):
				case d == 1 && len([]rune(w)) == len([]rune(have)) && string([]rune(w)[:len([]rune(w))-1]) == string([]rune(have)[:len([]rune(have))-1]):
				case d == 1:
					near[have] = nearOneTypo
				case d == 2:
					near[have] = nearTwoTypos
				}
			}
		}
		m.words = append(m.words, near)
	}
	return m
}

// score is 0 where a word of the text is nowhere in d.
func (m *matcher) score(d *doc, p *Plugin, face *Version) int {
	total := 0
	for _, near := range m.words {
		best := 0
		for w, n := range near {
			best = max(best, n*weightOf(d.words[w]))
		}
		if best == 0 {
			return 0
		}
		total += best
	}
	if total == 0 {
		return 0
	}
	return total + bonusOf(p, face, m.phrase)
}

// platforms are all platforms that listed versions were built for.
func (s *Snapshot) platforms(q Query) []artifact.Platform {
	var out []artifact.Platform
	for p := range s.seen(q) {
		for i := range p.Versions {
			for _, b := range p.Versions[i].Builds {
				if p.Installable() && p.Versions[i].Listed() && !b.Platform.IsZero() && !slices.Contains(out, b.Platform) {
					out = append(out, b.Platform)
				}
			}
		}
	}
	return out
}

// bonusOf is for the whole of a text.
func bonusOf(p *Plugin, face *Version, asked string) int {
	names := []string{phrase(said(face).Title), phrase(p.ID.Plugin()), phrase(p.ID.String())}
	switch {
	case slices.Contains(names, asked):
		return bonusExact
	case slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, asked) }):
		return bonusPrefix
	}
	return 0
}

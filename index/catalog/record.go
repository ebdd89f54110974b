package catalog

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
)

// recordFormat is the first byte of every record. Another encoding takes
// another number, because catalog digests are made from records.
const recordFormat = 3

// encodeRecord gives the canonical bytes of p, which must be normal. Of every
// version only those fields are written that differ from the version before:
// versions of one plugin say mostly the same, so a record is small and what
// is decoded from it is shared.
//
// masks say for every version which fields were written.
func encodeRecord(p *Plugin) (record []byte, masks []uint64) {
	w := &writer{b: make([]byte, 0, 512+128*len(p.Versions))}
	w.b = append(w.b, recordFormat)
	w.str(p.ID.String())
	w.str(string(p.State))
	putList(w, p.Moves, putMove)
	w.str(p.Source.Name)
	w.str(p.Source.Badge)
	w.bool(p.Publisher.Verified)
	putList(w, p.Publisher.Problems, putReason)
	putList(w, slices.Sorted(maps.Keys(p.Channels)), func(w *writer, name string) {
		w.str(name)
		w.digest(p.Channels[name])
	})
	putList(w, p.Broken, func(w *writer, b Broken) {
		w.str(b.Tag)
		w.digest(b.Digest)
		putList(w, b.Reasons, putReason)
	})
	w.uint(uint64(len(p.Versions)))
	var d deltas
	masks = make([]uint64, len(p.Versions))
	for i := range p.Versions {
		masks[i] = d.put(w, &p.Versions[i])
	}
	return w.b, masks
}

// decodeRecord reads what encodeRecord wrote. Errors wrap artifact.ErrInvalid.
func decodeRecord(record string, words *words) (p *Plugin, masks []uint64, err error) {
	return readRecord(&reader{s: record, words: words})
}

// skimRecord is decodeRecord for making traits, and quicker: digests are left
// in the form of the record, where equal ones are equal still.
func skimRecord(record string, words *words) (p *Plugin, masks []uint64, err error) {
	return readRecord(&reader{s: record, words: words, skim: true})
}

func readRecord(r *reader) (p *Plugin, masks []uint64, err error) {
	if f := r.byte(); f != recordFormat {
		r.fail("record format %d, expected %d", f, recordFormat)
	}
	p = &Plugin{ID: r.name(), State: index.PluginState(r.str()), Moves: getList(r, getMove)}
	p.Source = index.SourceBadge{Name: r.str(), Badge: r.str()}
	p.Publisher = Publisher{Verified: r.bool(), Problems: getList(r, getReason)}
	for range r.count() {
		if p.Channels == nil {
			p.Channels = map[string]digest.Digest{}
		}
		name := r.str()
		p.Channels[name] = r.digest()
	}
	p.Broken = getList(r, func(r *reader) Broken {
		return Broken{Tag: r.str(), Digest: r.digest(), Reasons: getList(r, getReason)}
	})
	p.Versions, masks = getVersions(r)
	if r.err == nil && r.pos != len(r.s) {
		r.fail("%d bytes too many", len(r.s)-r.pos)
	}
	if r.err != nil {
		return nil, nil, fmt.Errorf("catalog record %s: %w", p.ID, r.err)
	}
	return p, masks, nil
}

func putMove(w *writer, m index.Move) {
	for _, s := range []string{string(m.State), m.By, m.Reason, m.Text, m.Replacement, m.Guide, m.Existing} {
		w.str(s)
	}
	for _, at := range []*time.Time{&m.At, m.EndOfLife, m.Until} {
		w.time(at)
	}
}

func getMove(r *reader) (m index.Move) {
	m.State = index.PluginState(r.str())
	for _, s := range []*string{&m.By, &m.Reason, &m.Text, &m.Replacement, &m.Guide, &m.Existing} {
		*s = r.str()
	}
	if at := r.time(); at != nil {
		m.At = *at
	}
	m.EndOfLife, m.Until = r.time(), r.time()
	return m
}

func putReason(w *writer, one index.Reason) {
	w.str(one.Code)
	w.str(one.Detail)
}

func getReason(r *reader) index.Reason { return index.Reason{Code: r.str(), Detail: r.str()} }

// deltas remembers the fields of the version before.
type deltas struct {
	last [len(fields)][]byte
	now  writer
	body writer
}

func (d *deltas) put(w *writer, v *Version) (mask uint64) {
	full := *v
	if full.Plugin == nil {
		full.Plugin = new(artifact.Plugin)
	}
	d.body.b = d.body.b[:0]
	for i := range fields {
		d.now.b = d.now.b[:0]
		if i == 0 {
			d.now.bool(v.Plugin != nil)
		} else {
			fields[i].put(&d.now, &full)
		}
		if d.last[i] != nil && bytes.Equal(d.last[i], d.now.b) {
			continue
		}
		mask |= 1 << i
		d.body.b = append(d.body.b, d.now.b...)
		d.last[i] = append(d.last[i][:0], d.now.b...)
	}
	w.uint(mask)
	w.b = append(w.b, d.body.b...)
	return mask
}

func getVersions(r *reader) (out []Version, masks []uint64) {
	n := r.count()
	if n == 0 {
		return nil, nil
	}
	out, masks = make([]Version, 0, min(n, 1<<12)), make([]uint64, 0, min(n, 1<<12))
	var last Version
	var manifest artifact.Plugin
	last.Plugin = &manifest
	var shelf []artifact.Plugin // a piece of memory for several at once
	present := false
	for left := n; left > 0; left-- {
		mask := r.uint()
		for i := range fields {
			switch {
			case mask&(1<<i) == 0:
			case i == 0:
				present = r.bool()
			default:
				fields[i].get(r, &last)
			}
		}
		if mask>>len(fields) != 0 {
			r.fail("unknown field")
		}
		if r.err != nil {
			return nil, nil
		}
		v := last
		if !r.skim {
			v.Builds = ownBuilds(v.Builds, v.Digest)
		}
		v.Plugin = nil
		if present {
			if len(shelf) == 0 {
				shelf = make([]artifact.Plugin, min(left, 32))
			}
			v.Plugin, shelf = &shelf[0], shelf[1:]
			*v.Plugin = manifest
			if v.Plugin.Version.IsZero() {
				v.Plugin.Version = v.Version
			}
		}
		out, masks = append(out, v), append(masks, mask)
	}
	return out, masks
}

// ownBuilds gives the builds without digest that of their version.
func ownBuilds(builds []artifact.Build, own digest.Digest) []artifact.Build {
	if !slices.ContainsFunc(builds, func(b artifact.Build) bool { return b.Digest == "" }) {
		return builds
	}
	builds = slices.Clone(builds)
	for i := range builds {
		if builds[i].Digest == "" {
			builds[i].Digest = own
		}
	}
	return builds
}

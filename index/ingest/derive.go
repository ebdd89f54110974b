package ingest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy"
)

// maxStrangeTags is how many tags outside the grammar `why` shows of one plugin.
const maxStrangeTags = 64

// derive reads one repository and says what the catalog is to say of it; nil
// is nothing. What old says of a version that t does not touch is taken over;
// old is nil to read everything afresh. An error means that the tags could not
// be listed or that ctx ended.
func (in *Ingester) derive(ctx context.Context, t *task, old *catalog.Plugin) (*catalog.Plugin, error) {
	id, err := artifact.ParseName(t.repo)
	if err != nil {
		return nil, err
	}
	tags, damaged, err := in.tags(ctx, t.repo)
	if err != nil {
		return nil, err
	}
	t.head = tags[artifact.StateTag]
	one := &reading{in: in, id: id, task: t, old: old, tags: tags, damaged: damaged, keys: in.keysFor(t, id.Publisher())}
	p := &catalog.Plugin{ID: id, Broken: damaged}
	strange := 0
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		parsed, err := artifact.ParseTag(tag)
		switch {
		case err != nil:
			if strange++; strange <= maxStrangeTags {
				p.Broken = append(p.Broken, broken(tag, tags[tag], err))
			}
		case parsed.Kind() == artifact.TagChannel:
			if p.Channels == nil {
				p.Channels = map[string]digest.Digest{}
			}
			p.Channels[tag] = tags[tag]
		case parsed.Kind() == artifact.TagVersion:
			if err := one.add(ctx, p, parsed); err != nil {
				return nil, err
			}
		}
	}
	said, problems := in.pluginLedger(ctx, one, p)
	p.Broken = append(p.Broken, problems...)
	said.tell(p)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(p.Versions) == 0 && len(p.Broken) == 0 && !said.plugin.IsDeleted() {
		return nil, nil
	}
	return p, nil
}

// reading is one repository while it is read.
type reading struct {
	in      *Ingester
	id      artifact.Name
	task    *task
	old     *catalog.Plugin
	tags    map[string]digest.Digest
	damaged []catalog.Broken
	keys    *policy.LedgerKeys // of its publisher's ledger
}

// add reads and judges the version that tag names.
func (r *reading) add(ctx context.Context, p *catalog.Plugin, tag artifact.Tag) error {
	d := r.tags[tag.String()]
	v, known := r.known(tag.Version(), d)
	if !known {
		fresh, err := r.read(ctx, tag, d)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p.Broken = append(p.Broken, broken(tag.String(), d, err))
			return nil
		}
		v = fresh
	}
	if !known || r.task.touches(d) || unsettled(v) {
		if err := r.verify(ctx, v); err != nil {
			return err
		}
	}
	p.Versions = append(p.Versions, *v)
	return nil
}

// known is what the catalog says of a version already. Content never changes
// under a digest.
func (r *reading) known(version artifact.Version, d digest.Digest) (*catalog.Version, bool) {
	if r.old == nil {
		return nil, false
	}
	v, ok := r.old.At(version)
	if !ok || v.Digest != d || v.Plugin == nil {
		return nil, false
	}
	same := *v
	return &same, true
}

// broken says why a tag is no version. What does not follow the rules is
// malformed; any other error is that it could not be told.
func broken(tag string, d digest.Digest, err error) catalog.Broken {
	b := catalog.Broken{Tag: tag, Digest: d}
	var several *artifact.ProblemsError
	switch {
	case errors.As(err, &several):
		for _, problem := range several.Problems {
			if !problem.Warning {
				b.Reasons = append(b.Reasons, index.Reason{Code: index.ReasonMalformed, Detail: problem.String()})
			}
		}
	case errors.Is(err, artifact.ErrInvalid):
		detail := strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error())
		b.Reasons = []index.Reason{{Code: index.ReasonMalformed, Detail: detail}}
	default:
		b.Reasons = []index.Reason{{Code: index.ReasonUnreadable, Detail: err.Error()}}
	}
	return b
}

func unsettled(v *catalog.Version) bool { return slices.ContainsFunc(v.Pending, isUnreadable) }

func isUnreadable(r index.Reason) bool { return r.Code == index.ReasonUnreadable }

// settled reports whether everything in p could be read.
func settled(p *catalog.Plugin) bool {
	for i := range p.Versions {
		if unsettled(&p.Versions[i]) {
			return false
		}
	}
	return !slices.ContainsFunc(p.Broken, func(b catalog.Broken) bool {
		return slices.ContainsFunc(b.Reasons, isUnreadable)
	})
}

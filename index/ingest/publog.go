package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/catalog"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A Log is told of what is listed, and of ledgers that go on. It never waits.
type Log interface {
	Note(events ...publog.Event)
	Stated(ledger string)
}

// listed tells the log of plugins that were derived anew.
func (in *Ingester) listed(plugins []catalog.Plugin) {
	if in.opts.Publog == nil {
		return
	}
	for i := range plugins {
		in.opts.Publog.Note(publications(&plugins[i], in.opts.Now())...)
	}
}

// stated tells the log of a ledger that holds and goes on further than was
// remembered.
func (in *Ingester) stated(got ledger.Judgement, remembered format.Head) {
	if in.opts.Publog != nil && got.Verdict().Outcome() == policy.Allow && got.Head != remembered {
		in.opts.Publog.Stated(got.Ref.String())
	}
}

// publications are the versions of a plugin that are listed, as events of now: the
// log keeps the first, and a version may have waited long between coming here and
// being public.
func publications(p *catalog.Plugin, now time.Time) []publog.Event {
	var out []publog.Event
	for i := range p.Versions {
		if v := &p.Versions[i]; len(v.Pending) == 0 && !v.PublishedAt.IsZero() {
			out = append(out, publog.Event{Kind: publog.Published, Plugin: p.ID.String(), Version: v.Version.String(), Digest: v.Digest, At: now})
		}
	}
	return out
}

// channels are what the channels of a plugin mean, as events of now: when they
// were moved, the registry does not know.
func channels(p *catalog.Plugin, now time.Time) []publog.Event {
	var out []publog.Event
	for _, name := range slices.Sorted(maps.Keys(p.Channels)) {
		out = append(out, publog.Event{Kind: publog.Channel, Plugin: p.ID.String(), Channel: name, Statement: publog.ChannelSet, Digest: p.Channels[name], At: now})
	}
	return out
}

// Events gives the events of everything that is listed and stated. A ledger that
// cannot be read keeps no other from being told: it is named in the error, which
// comes last.
func (in *Ingester) Events(ctx context.Context, add func(...publog.Event) error) error {
	const atOnce = 2000
	var batch []publog.Event
	put := func(events []publog.Event) error {
		if batch = append(batch, events...); len(batch) < atOnce {
			return nil
		}
		full := batch
		batch = nil
		return add(full...)
	}
	now := in.opts.Now()
	for p := range in.opts.Live.Current().Snapshot.Plugins {
		if err := put(append(publications(p, now), channels(p, now)...)); err != nil {
			return err
		}
	}
	var unread []error
	for _, ref := range in.ledgers.refs() {
		events, err := in.Statements(ctx, ref.String(), 0)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			unread = append(unread, fmt.Errorf("ledger %s: %w", ref, err))
			continue
		}
		if err := put(events); err != nil {
			return err
		}
	}
	return errors.Join(add(batch...), errors.Join(unread...))
}

// Statements gives the events of the statements of a ledger that count, after a
// sequence number.
func (in *Ingester) Statements(ctx context.Context, name string, after int) ([]publog.Event, error) {
	ref, err := format.ParseRef(name)
	if err != nil {
		return nil, err
	}
	head := in.Ledger(ref).Head
	if head.Sequence <= after {
		return nil, nil
	}
	repo := ref.Repository()
	tags, damaged, err := in.tags(ctx, repo)
	if err != nil {
		return nil, err
	}
	reader := &ledgerTags{in.opts.Source, repo, tags, damaged}
	at, err := reader.Tag(ctx, ref.Tag())
	if err != nil {
		return nil, err
	}
	var out []publog.Event
	for {
		page, err := statements.Page(ctx, reader, at, head.Sequence, after, 500)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Items {
			out = append(out, publog.Event{Kind: publog.KindOf(one.Kind), Ledger: name, Sequence: one.Sequence, Statement: one.Kind, Digest: one.Digest, At: one.At})
		}
		if after = page.Next; after == 0 {
			return out, nil
		}
	}
}

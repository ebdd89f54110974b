package ingest

import (
	"context"
	"errors"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A publisherStanding has also what the publisher's plugins are judged by.
type publisherStanding struct {
	ledger.Standing
	trust digest.Digest // by which it was judged
	keys  *policy.LedgerKeys
}

// shown is what answers about the publisher's plugins say of it.
func (s publisherStanding) shown() catalog.Publisher {
	return catalog.Publisher{Verified: s.Counts.Publisher.IsVerified(), Problems: reasonsOf(s.Problems())}
}

func reasonsOf(findings []ledger.Finding) []index.Reason {
	var out []index.Reason
	for _, f := range findings {
		out = append(out, index.Reason{Code: f.Code, Detail: f.Detail})
	}
	return out
}

func (in *Ingester) isPublishers(repo string) bool {
	return in.opts.Ledgers != nil && repo == format.PublishersRepository
}

// Publisher is what is known of a publisher's ledger.
func (in *Ingester) Publisher(name string) (ledger.Standing, bool) {
	s, ok := in.ledgers.standing(name)
	return s.Standing, ok
}

// Remembered is how far a ledger is known to go.
func (in *Ingester) Remembered(ref format.Ref) format.Head { return in.ledgers.head(ref) }

// Ledger is what counts of a ledger: what it says where it holds, and else what
// it said when it last did.
func (in *Ingester) Ledger(ref format.Ref) ledger.State { return in.ledgers.state(ref) }

// PluginLedgers are what the ledgers say of the plugins that want lets through. It
// must not ask the Ingester.
func (in *Ingester) PluginLedgers(want func(artifact.Name) bool) map[artifact.Name]ledger.State {
	return in.ledgers.plugins(want)
}

// BadLedgers are those that do not hold, by name, with what is wrong.
func (in *Ingester) BadLedgers() []ledger.Judgement { return in.ledgers.bad() }

// pluginLedger judges the ledger of a plugin and gives what counts of it; where
// it does not hold, its tag is broken.
func (in *Ingester) pluginLedger(ctx context.Context, r *reading, p *catalog.Plugin) (lifecycle, []catalog.Broken) {
	ref := format.OfPlugin(r.id)
	switch {
	case in.trial:
		return known(in.ledgers.state(ref).Plugin, r.old), nil
	case in.opts.Ledgers == nil:
		return lifecycle{}, nil
	}
	remembered := in.ledgers.head(ref)
	at, err := tagIn(r.tags, r.damaged, artifact.StateTag)
	if errors.Is(err, artifact.ErrNotFound) && remembered.IsZero() {
		lost := in.lostLedger(ctx, r.id, p)
		if lost == nil {
			in.ledgers.note(in.log, ledger.Judgement{Ref: ref}, "")
			return lifecycle{}, nil
		}
		r.damaged = append(r.damaged, broken(artifact.StateTag, "", lost))
	} else {
		in.bare.drop(r.id.String())
	}
	got := in.opts.Ledgers.Read(ctx, ref, &evidence{reading: r}, remembered)
	if ctx.Err() != nil {
		return lifecycle{}, nil
	}
	counts, vouched := in.ledgers.note(in.log, got, in.opts.Ledgers.Digest())
	in.stated(got, remembered)
	said := lifecycle{plugin: counts.Plugin}
	problems := got.Problems()
	if len(problems) == 0 {
		return said, nil
	}
	// What could not be read may be the statement that stops the plugin. Where the
	// last one is known from before, so are all that it follows.
	// The same holds for what platforms said that the trust policy no longer names:
	// it counts neither for the plugin nor, as if it had never been said, against it.
	verdict := got.Verdict()
	if !vouched || verdict.Outcome() == policy.Unknown && (got.Head.IsZero() || counts.Head != got.Head) {
		said.unknown = problems[0].Detail
	}
	return said, []catalog.Broken{{Tag: artifact.StateTag, Digest: at, Reasons: reasonsOf(problems)}}
}

// readPublishers reads the ledgers of all publishers. An error means that they
// could not be listed, or that ctx ended.
func (in *Ingester) readPublishers(ctx context.Context) (map[string]publisherStanding, error) {
	out := map[string]publisherStanding{}
	if in.opts.Ledgers == nil {
		return out, nil
	}
	tags, damaged, err := in.tags(ctx, format.PublishersRepository)
	if err != nil {
		return nil, err
	}
	names := in.ledgers.publishers()
	lost, err := in.lostPublishers(ctx, tags, names)
	if err != nil {
		return nil, err
	}
	damaged = append(damaged, lost...)
	reader := &ledgerTags{in.opts.Source, format.PublishersRepository, tags, damaged}
	for tag := range tags {
		names = append(names, tag)
	}
	for _, b := range damaged {
		names = append(names, b.Tag)
	}
	for _, name := range names {
		ref, err := format.OfPublisher(name)
		if _, done := out[name]; done || err != nil {
			continue
		}
		s := in.standing(ctx, ref, reader)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[name] = s
	}
	return out, nil
}

// standing judges one publisher's ledger, or takes what is known of it where
// nothing can have changed.
func (in *Ingester) standing(ctx context.Context, ref format.Ref, r *ledgerTags) publisherStanding {
	trust, at := in.opts.Ledgers.Digest(), r.tags[ref.Tag()]
	old, known := in.ledgers.standing(ref.Publisher())
	if known && at != "" && old.List == at && old.trust == trust && old.Verdict().Outcome() == policy.Allow {
		return old
	}
	remembered := in.ledgers.head(ref)
	s := publisherStanding{Standing: ledger.Standing{Judgement: in.opts.Ledgers.Read(ctx, ref, r, remembered)}, trust: trust}
	if ctx.Err() == nil {
		s.Counts, _ = in.ledgers.note(in.log, s.Judgement, trust)
		in.stated(s.Judgement, remembered)
		s.keys = s.SigningKeys(s.Counts)
	}
	return s
}

// ledgerTags reads a repository that has ledgers.
type ledgerTags struct {
	source  index.Source
	repo    string
	tags    map[string]digest.Digest
	damaged []catalog.Broken
}

func (p *ledgerTags) Tag(_ context.Context, tag string) (digest.Digest, error) {
	return tagIn(p.tags, p.damaged, tag)
}

func (p *ledgerTags) Manifest(ctx context.Context, d digest.Digest) (string, []byte, error) {
	return p.source.Manifest(ctx, p.repo, d)
}

func (p *ledgerTags) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	return p.source.Blob(ctx, p.repo, d, limit)
}

func (p *ledgerTags) Referrers(context.Context, digest.Digest) ([]ocispec.Descriptor, error) {
	return nil, nil
}

// lookPublishers reads the claimed repository of publishers.
func (in *Ingester) lookPublishers(ctx context.Context) result {
	const repo = format.PublishersRepository
	all, err := in.readPublishers(ctx)
	switch {
	case ctx.Err() != nil:
		return result{repo: repo, keep: true}
	case err != nil:
		in.log.Error("ledgers of publishers could not be listed, what was known of them stays", "alert", true, "err", err)
		in.retry.add(repo, in.opts.Now())
		return result{repo: repo, keep: true, failed: true}
	}
	for _, s := range all {
		if s.Verdict().Outcome() == policy.Unknown {
			in.retry.add(repo, in.opts.Now())
			return result{repo: repo, publishers: all}
		}
	}
	in.retry.forget(repo)
	return result{repo: repo, publishers: all}
}

// install makes what was read of publishers count, and gives the plugins of
// those of which something else shows now, and the publishers that have other
// keys. It is called with swap held.
func (in *Ingester) install(all map[string]publisherStanding) (shown []catalog.Plugin, rekeyed map[string]bool) {
	base := in.building
	if base == nil {
		base = in.opts.Live.Current().Snapshot
	}
	before := in.ledgers.keyring()
	for _, name := range in.ledgers.install(all) {
		for p := range base.PluginsOf(name) {
			shown = append(shown, *p)
		}
	}
	return shown, in.rekeyed(base, before, in.ledgers.keyring())
}

func (in *Ingester) refreshPublishers(ctx context.Context) error {
	if in.opts.Ledgers == nil {
		return nil
	}
	_, err := in.readAndApplyPublishers(ctx)
	return err
}

// readAndApplyPublishers makes count what the ledgers of publishers say now, and gives what
// it read.
func (in *Ingester) readAndApplyPublishers(ctx context.Context) (result, error) {
	if _, err := in.queue.claim(ctx, format.PublishersRepository); err != nil {
		return result{}, err
	}
	r := in.lookPublishers(ctx)
	in.put(r)
	if err := in.apply(ctx); err != nil {
		return r, err
	}
	return r, ctx.Err()
}

// visitPublishers comes before all plugins, which show what it finds.
func (w *walk) visitPublishers(ctx context.Context) error {
	return w.in.refreshPublishers(ctx)
}

// findingsText is what is wrong with a ledger, for the log.
func findingsText(findings []ledger.Finding) string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Code+": "+f.Detail)
	}
	return strings.Join(out, "; ")
}

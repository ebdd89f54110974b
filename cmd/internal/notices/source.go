package notices

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// Added has what the publication log adds told of, from the same transaction: of
// each event there is one leaf, so there is one notice. Its key is the id.
func Added(outbox *notify.Outbox, at clock.Clock) func(context.Context, []publog.Leaf) error {
	return func(ctx context.Context, leaves []publog.Leaf) error {
		changes := make([]notify.Change, 0, len(leaves))
		for _, leaf := range leaves {
			e, err := publog.ReadEvent(leaf.Event)
			if err != nil {
				return fmt.Errorf("leaf %d: %w", leaf.Number, err)
			}
			changes = append(changes, changeOf(hex.EncodeToString(leaf.Key[:]), e, at.Now().UTC()))
		}
		return outbox.Note(ctx, changes...)
	}
}

func changeOf(id string, e publog.Event, now time.Time) notify.Change {
	c := notify.Change{ID: id, At: e.At, Noted: now, Plugin: e.Plugin, Version: e.Version, Digest: e.Digest}
	switch {
	case e.Kind == publog.Published:
		c.Type = notify.PluginPublished
	case e.Kind == publog.Channel && e.Channel != "":
		c.Type = notify.ChannelMoved
		c.Details = map[string]any{"channel": e.Channel, "removed": e.Statement == publog.ChannelRemoved}
	default:
		c.Digest, c.Ledger, c.Sequence, c.Statement = "", e.Ledger, e.Sequence, e.Statement
	}
	return c
}

// A Registry reads what is stored.
type Registry interface {
	Resolve(ctx context.Context, repo, reference string) (digest.Digest, error)
	Reader(repo string) policy.Reader
}

// A Catalog knows what ledgers say.
type Catalog interface {
	Ledger(ref format.Ref) ledger.State
}

// Ledgers read statements where they are stored.
type Ledgers struct {
	Registry Registry
	Catalog  Catalog
	// Plugin is one as the catalog has it, with what is not listed.
	Plugin func(id artifact.Name) (*catalog.Plugin, bool)
}

// Statement implements notify.Statements.
func (l Ledgers) Statement(ctx context.Context, name string, sequence int) (index.LedgerStatement, error) {
	var none index.LedgerStatement
	ref, err := format.ParseRef(name)
	if err != nil {
		return none, err
	}
	page, err := l.page(ctx, ref, sequence-1, 1)
	if err != nil {
		return none, err
	}
	if len(page.Items) != 1 || page.Items[0].Sequence != sequence {
		return none, fmt.Errorf("ledger %s is known to hold %d statements: %w", name, page.Total, artifact.ErrNotFound)
	}
	return page.Items[0], nil
}

func (l Ledgers) page(ctx context.Context, ref format.Ref, after, limit int) (index.LedgerPage, error) {
	at, err := l.Registry.Resolve(ctx, ref.Repository(), ref.Tag())
	if err != nil {
		return index.LedgerPage{}, err
	}
	return statements.Page(ctx, l.Registry.Reader(ref.Repository()), at, l.Catalog.Ledger(ref).Head.Sequence, after, limit)
}

// Stopped implements notify.Statements.
func (l Ledgers) Stopped(ctx context.Context, name string, s index.LedgerStatement) (notify.Stopped, error) {
	ref, err := format.ParseRef(name)
	if err != nil || ref.OfPublisher() {
		return notify.Stopped{}, err
	}
	if of, _ := s.Body["of"].(string); format.Kind(s.Kind) == format.EmergencyUndone {
		s, err = l.declared(ctx, ref, s.Sequence-1, digest.Digest(of))
		if errors.Is(err, artifact.ErrNotFound) {
			return notify.Stopped{Others: true}, nil // that it ended is told all the same
		}
		if err != nil {
			return notify.Stopped{}, err
		}
	}
	if all, _ := s.Body["all"].(bool); all {
		return notify.Stopped{All: true}, nil
	}
	plugin, known := l.Plugin(ref.Plugin())
	named, _ := s.Body["digests"].([]any)
	if !known {
		return notify.Stopped{Others: true}, nil
	}
	return stopped(plugin, named), nil
}

// stopped are the versions of a plugin that an emergency names by digests.
func stopped(plugin *catalog.Plugin, named []any) (out notify.Stopped) {
	for _, one := range named {
		text, _ := one.(string)
		d := digest.Digest(text)
		v, known := plugin.Holding(d)
		if !known {
			out.Others = true
			continue
		}
		if !slices.Contains(out.Versions, v.Version.String()) {
			out.Versions = append(out.Versions, v.Version.String())
		}
		if out.Digest == "" || d == v.Digest && len(out.Versions) == 1 {
			out.Digest = d
		}
	}
	return out
}

// pageOf is how many statements are read at once.
const pageOf = 100

// declared is the statement with a digest, which was made before the one after a number.
func (l Ledgers) declared(ctx context.Context, ref format.Ref, before int, d digest.Digest) (index.LedgerStatement, error) {
	for end := before; end > 0; end -= pageOf {
		page, err := l.page(ctx, ref, max(end-pageOf, 0), min(end, pageOf))
		if err != nil {
			return index.LedgerStatement{}, err
		}
		if i := slices.IndexFunc(page.Items, func(s index.LedgerStatement) bool { return s.Digest == d }); i >= 0 {
			return page.Items[i], nil
		}
	}
	return index.LedgerStatement{}, fmt.Errorf("ledger %s holds no statement %s: %w", ref, d, artifact.ErrNotFound)
}

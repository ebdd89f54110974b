package notices

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
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
}

// Statement implements notify.Statements.
func (l Ledgers) Statement(ctx context.Context, name string, sequence int) (index.LedgerStatement, error) {
	var none index.LedgerStatement
	ref, err := format.ParseRef(name)
	if err != nil {
		return none, err
	}
	at, err := l.Registry.Resolve(ctx, ref.Repository(), ref.Tag())
	if err != nil {
		return none, err
	}
	page, err := statements.Page(ctx, l.Registry.Reader(ref.Repository()), at, l.Catalog.Ledger(ref).Head.Sequence, sequence-1, 1)
	if err != nil {
		return none, err
	}
	if len(page.Items) != 1 || page.Items[0].Sequence != sequence {
		return none, fmt.Errorf("ledger %s is known to hold %d statements: %w", name, page.Total, artifact.ErrNotFound)
	}
	return page.Items[0], nil
}

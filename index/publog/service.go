package publog

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// State is how far the log is, in the words of the API.
func (l *Log) State() index.Log {
	signed, c := l.Cosigned()
	out := index.Log{Origin: l.Verifier().Name(), Key: l.Key(), Size: c.N, Root: c.Hash.String(), Checkpoint: signed, Witnesses: l.witnessed()}
	if err := l.Stuck(); err != nil {
		out.Problem = err.Error()
	}
	return out
}

// scanAtMost is how many leaves are read for one page of those about a publisher.
const scanAtMost = 20 * tileWidth

// Page gives at most limit leaves from a number on, with their salts: all, for those
// who may see everything, or those about a publisher, for its members. Leaves that
// are not signed yet are among them.
func (l *Log) Page(ctx context.Context, publisher string, from int64, limit int) (index.LogPage, error) {
	page := index.LogPage{Items: []index.LogLeaf{}}
	read := limit
	if publisher != "" {
		read = scanAtMost
	}
	l.mu.Lock()
	k := l.key
	l.mu.Unlock()
	leaves, err := l.o.Store.Leaves(ctx, LeafQuery{From: from, Limit: read})
	if err == nil {
		err = k.held(leaves, from)
	}
	if err = l.noticed(err); errors.Is(err, ErrBroken) {
		return page, Problem(err)
	}
	if err != nil {
		return page, err
	}
	for _, one := range leaves {
		if publisher != "" {
			e, err := ReadEvent(one.Event)
			if err != nil {
				return page, Problem(l.noticed(fmt.Errorf("%w: leaf %d: %w", ErrBroken, one.Number, err)))
			}
			if e.Publisher() != publisher {
				continue
			}
		}
		if len(page.Items) == limit {
			page.Next = one.Number
			return page, nil
		}
		page.Items = append(page.Items, index.LogLeaf{Number: one.Number, Event: one.Event, Salt: k.saltOf(one.Event)})
	}
	if n := len(leaves); n > 0 && n == read {
		page.Next = leaves[n-1].Number + 1
	}
	return page, nil
}

// ProveVersion gives the proof that a version was published, as it travels. Ask
// it for those only who may see the plugin.
func (l *Log) ProveVersion(ctx context.Context, id artifact.Name, d digest.Digest) (string, error) {
	p, err := l.Prove(ctx, PublishedKey(id.String(), d))
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

// Tells reports whether the log has a statement of a ledger: nobody was told of one that
// it has not. It is an error while the log does not hold.
func (l *Log) Tells(ctx context.Context, ledger, statement string, sequence int, d digest.Digest) (bool, error) {
	if err := l.Stuck(); err != nil {
		return false, err
	}
	key := Event{Kind: KindOf(statement), Ledger: ledger, Sequence: sequence, Digest: d}.Key()
	leaves, err := l.o.Store.Leaves(ctx, LeafQuery{Keys: []LeafKey{key}})
	return len(leaves) > 0, err
}

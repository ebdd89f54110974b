package feed

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A Catalog knows what there is.
type Catalog interface {
	// Known is the newest generation as the caller of ctx may know it, and what
	// that is. Errors are *index.Problem.
	Known(ctx context.Context) (*catalog.Generation, catalog.Visibility, error)
}

// Ledgers know what was stated about plugins.
type Ledgers interface {
	// PluginLedgers are what the ledgers say of the plugins that want lets through.
	PluginLedgers(want func(artifact.Name) bool) map[artifact.Name]ledger.State
	// History gives at most limit statements after a sequence number, as the
	// caller of ctx may know them; artifact.ErrNotFound where he may know none.
	History(ctx context.Context, id artifact.Name, after, limit int) (index.LedgerPage, error)
}

const (
	// pageSize is how many items one page has, and depth how many the pages of
	// one feed have together.
	pageSize, depth = 50, 500
	// perLedger is how many statements of one ledger are told, the newest ones.
	perLedger = 100
	// keptLedgers is of how many ledgers the items are remembered.
	keptLedgers = 2048
)

// A scope is what a feed is about: a plugin, a publisher, or else the site.
type scope struct {
	publisher string
	plugin    artifact.Name
}

func (s scope) has(id artifact.Name) bool {
	switch {
	case !s.plugin.IsZero():
		return id == s.plugin
	case s.publisher != "":
		return id.Publisher() == s.publisher
	}
	return true
}

// A gatherer collects the items of one feed for one reader.
type gatherer struct {
	scope   scope
	gen     *catalog.Generation
	class   string
	ledgers Ledgers
	known   *lru.Cache[string, []Item]
	log     *slog.Logger
}

// items gives the newest items, at most limit. It reads what came last first, and
// stops where all that is left is older.
func (g *gatherer) items(ctx context.Context, limit int) ([]Item, error) {
	next, stop := iter.Pull(g.plugins())
	defer stop()
	stated := g.stated()
	p, more := next()
	var out []Item
	for more || len(stated) > 0 {
		var came, last time.Time
		if more {
			came = moment(*p.UpdatedAt)
		}
		if len(stated) > 0 {
			last = stated[0].at
		}
		if len(out) >= limit {
			slices.SortFunc(out, newest)
			if at := out[limit-1].At; at.After(came) && at.After(last) {
				break
			}
		}
		if more && !came.Before(last) {
			out = append(out, published(p)...)
			p, more = next()
			continue
		}
		items, err := g.statements(ctx, stated[0])
		if err != nil && (!g.scope.plugin.IsZero() || ctx.Err() != nil) {
			return nil, err
		}
		if err != nil { // one that cannot be read keeps no other from being told
			g.log.WarnContext(ctx, "feed: a ledger is left out", "err", err)
		}
		out, stated = append(out, items...), stated[1:]
	}
	slices.SortFunc(out, newest)
	return out[:min(len(out), limit)], nil
}

// plugins are those of the scope that anybody may find by searching and of which
// it is known when they came, the one that changed last first.
func (g *gatherer) plugins() iter.Seq[*catalog.Plugin] {
	s := g.gen.Snapshot
	if g.scope == (scope{}) {
		return func(yield func(*catalog.Plugin) bool) {
			for p := range s.Updated {
				if p.UpdatedAt == nil || !yield(p) { // the rest has no time either
					return
				}
			}
		}
	}
	var some []*catalog.Plugin
	take := func(p *catalog.Plugin) bool {
		if p.UpdatedAt != nil && p.Standing().May(table.Anonymous, table.Search) {
			some = append(some, p)
		}
		return true
	}
	if g.scope.publisher != "" {
		s.PluginsOf(g.scope.publisher)(take)
	} else if p, ok := s.Plugin(g.scope.plugin); ok {
		take(p)
	}
	slices.SortStableFunc(some, func(a, b *catalog.Plugin) int { return b.UpdatedAt.Compare(*a.UpdatedAt) })
	return slices.Values(some)
}

// stated are the ledgers of the scope about plugins that the reader may know of,
// the one that was written last first.
func (g *gatherer) stated() []said {
	var all []said
	for id, s := range g.ledgers.PluginLedgers(func(id artifact.Name) bool {
		return g.scope.has(id) && g.gen.Snapshot.Has(id)
	}) {
		all = append(all, said{id, s.Head, moment(s.At)})
	}
	slices.SortFunc(all, func(a, b said) int {
		return cmp.Or(b.at.Compare(a.at), strings.Compare(a.plugin.String(), b.plugin.String()))
	})
	return all
}

// said is how far the ledger of a plugin goes, and of when that is.
type said struct {
	plugin artifact.Name
	head   format.Head
	at     time.Time
}

// statements are the items of one ledger. What a class of readers is told of a
// ledger with one head never changes, so it is remembered.
func (g *gatherer) statements(ctx context.Context, l said) ([]Item, error) {
	key := g.class + " " + l.plugin.String() + " " + l.head.Digest.String()
	if items, ok := g.known.Get(key); ok {
		return items, nil
	}
	page, err := g.ledgers.History(ctx, l.plugin, max(0, l.head.Sequence-perLedger), perLedger)
	if err != nil {
		return nil, fmt.Errorf("ledger of %s: %w", l.plugin, err)
	}
	name := format.OfPlugin(l.plugin).String()
	plugin, _ := g.gen.Snapshot.Plugin(l.plugin)
	stops, known := stoppedBy(page.Items, plugin)
	items := make([]Item, 0, len(page.Items))
	for _, s := range page.Items {
		items = append(items, stated(name, l.plugin.String(), s, stops))
	}
	if g.class != "" && known { // a version that is not here yet may come
		g.known.Add(key, items)
	}
	return items, nil
}

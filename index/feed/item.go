package feed

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/publog"
)

// An Item is one thing that happened.
type Item struct {
	// ID is a UUID, made from the event's key.
	ID string
	// At is when it came to this site, or when the statement was made: UTC, in
	// microseconds, as a cursor has it. With more digits the order of items would
	// be another than that of the places between them.
	At time.Time
	// Kind is "version.published", or the kind of the statement.
	Kind    string
	Plugin  string
	Version string // "" where it is about the plugin as a whole
	Title   string
	Text    string
	// By is who did it; "" of a version, which its publisher did.
	By string
}

// Published is the kind of an Item that tells of a version.
const Published = "version.published"

// path is where the item is looked at.
func (i Item) path() string {
	if i.Version != "" && i.Kind == Published {
		return "/plugins/" + i.Plugin + "/" + i.Version
	}
	return "/plugins/" + i.Plugin
}

// publisher is whose plugin it is about.
func (i Item) publisher() string {
	name, _, _ := strings.Cut(i.Plugin, "/")
	return name
}

// newest orders items: what came last comes first.
func newest(a, b Item) int {
	return cmp.Or(b.At.Compare(a.At), strings.Compare(a.ID, b.ID))
}

// uuid is the key of an event as a UUID of version 8 (RFC 9562): of its 128 bits
// six say that.
func uuid(k publog.LeafKey) string {
	k[6], k[8] = k[6]&0x0f|0x80, k[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", k[:4], k[4:6], k[6:8], k[8:10], k[10:])
}

// published are the versions of a plugin that are listed.
func published(p *catalog.Plugin) []Item {
	var out []Item
	for i := range p.Versions {
		v := &p.Versions[i]
		if !v.Listed() || v.PublishedAt.IsZero() {
			continue
		}
		id := p.ID.String()
		one := Item{ID: uuid(publog.PublishedKey(id, v.Digest)), At: moment(v.PublishedAt), Kind: Published,
			Plugin: id, Version: v.Version.String(), Title: id + " " + v.Version.String()}
		one.Text = "Version " + one.Version + " of " + id + " was published."
		if v.Plugin != nil && v.Plugin.Description != "" {
			one.Text += " " + v.Plugin.Description
		}
		out = append(out, one)
	}
	return out
}

// moment is a time as items have it.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// A cursor is the place after an item, in the order of newest.
type cursor struct {
	at int64 // in microseconds
	id string
}

func (i Item) cursor() string { return strconv.FormatInt(i.At.UnixMicro(), 10) + "-" + i.ID }

// parseCursor reads what Item.cursor wrote. Errors are *index.Problem.
func parseCursor(s string) (cursor, error) {
	at, id, ok := strings.Cut(s, "-")
	micros, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || len(id) != len("00000000-0000-0000-0000-000000000000") || strings.Trim(id, "0123456789abcdef-") != "" {
		return cursor{}, index.NewProblem(index.CodeInvalid, fmt.Sprintf("before: %.60q came, expected what a link to the next page has", s),
			"ask without before for the first page")
	}
	return cursor{micros, id}, nil
}

// before reports whether i comes after the place, so that it is on a later page.
func (c cursor) before(i Item) bool {
	if at := i.At.UnixMicro(); at != c.at {
		return at < c.at
	}
	return i.ID > c.id
}

// statementKey is the key of the event of a statement in the ledger of a plugin.
func statementKey(ledger string, sequence int, kind string, d digest.Digest) publog.LeafKey {
	return publog.Event{Kind: publog.KindOf(kind), Ledger: ledger, Sequence: sequence, Statement: kind, Digest: d}.Key()
}

// nameOf parses the two segments of a plugin's name.
func nameOf(s string) (artifact.Name, bool) {
	id, err := artifact.ParseName(s)
	return id, err == nil && !id.Reserved()
}

package emergency

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// A lister goes through the emergencies that its caller may know of, the newest first:
// those of records, and those that a ledger alone knows.
type lister struct {
	s      *Service
	q      index.EmergencyQuery
	states []index.EmergencyState
	known  map[string]bool // by plugin
	stated []Record        // that are still to come
	page   []Record        // records that were read, and are still to come
	last   bool            // there are no more records
	at     place
}

// A place is how far a list came: the last record, and the last one of a ledger.
type place struct {
	record string
	micro  int64
	stated string
}

func (p place) String() string {
	if p.stated == "" {
		return p.record
	}
	return p.record + "~" + strconv.FormatInt(p.micro, 10) + "~" + p.stated
}

func parsePlace(text string) (p place, err error) {
	parts := strings.Split(text, "~")
	if p.record = parts[0]; len(parts) == 1 {
		return p, nil
	}
	if len(parts) == 3 {
		p.stated = parts[2]
		p.micro, err = strconv.ParseInt(parts[1], 10, 64)
	}
	if len(parts) != 3 || err != nil {
		return p, unknownPlace(text)
	}
	return p, nil
}

func unknownPlace(text string) error {
	return fmt.Errorf("cursor %.40q: expected next_cursor of an earlier page: %w", text, artifact.ErrInvalid)
}

// Emergencies are those that the caller may know of, the newest first.
func (s *Service) Emergencies(ctx context.Context, q index.EmergencyQuery) (index.EmergencyList, error) {
	out := index.EmergencyList{Items: []index.Emergency{}}
	if _, err := auth.Caller(ctx); err != nil {
		return out, err
	}
	if q.Plugin != "" {
		if _, err := artifact.ParseName(q.Plugin); err != nil {
			return out, err
		}
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	at, err := parsePlace(q.Cursor)
	if err != nil {
		return out, err
	}
	l := &lister{s: s, q: q, known: map[string]bool{}, at: at}
	if q.State != "" {
		l.states = append(l.states, q.State)
	}
	if out.Unread, err = l.ledgers(ctx); err != nil {
		return out, err
	}
	for {
		r, ok, err := l.next(ctx)
		if err != nil || !ok {
			return out, err
		}
		out.Items = append(out.Items, r.told(s.o.Approvers, s.o.Clock.Now()))
		if len(out.Items) == q.Limit {
			out.Next = l.at.String()
			return out, nil
		}
	}
}

// ledgers reads what the ledgers alone know, and names those that could not be read.
func (l *lister) ledgers(ctx context.Context) ([]index.UnreadLedger, error) {
	if l.q.State != "" && l.q.State != index.EmergencyInForce {
		return nil, nil
	}
	found, unread, err := l.s.stated(ctx, func(plugin string) bool { return l.q.Plugin == "" || plugin == l.q.Plugin })
	if err != nil {
		return nil, err
	}
	from := Record{ID: l.at.stated, CreatedAt: time.UnixMicro(l.at.micro)}
	for _, r := range found {
		sees, err := l.sees(ctx, r.Plugin)
		if err != nil {
			return nil, err
		}
		if sees && (l.at.stated == "" || newest(from, r) < 0) {
			l.stated = append(l.stated, r)
		}
	}
	var out []index.UnreadLedger
	for _, u := range unread {
		if u.Plugin == "" {
			out = append(out, u)
			continue
		}
		sees, err := l.sees(ctx, u.Plugin)
		if err != nil {
			return nil, err
		}
		if sees {
			out = append(out, u)
		}
	}
	return out, nil
}

// next is the next one; false at the end.
func (l *lister) next(ctx context.Context) (Record, bool, error) {
	if err := l.fill(ctx); err != nil {
		return Record{}, false, err
	}
	switch {
	case len(l.page) == 0 && len(l.stated) == 0:
		return Record{}, false, nil
	case len(l.page) == 0 || len(l.stated) > 0 && newest(l.stated[0], l.page[0]) < 0:
		r := l.stated[0]
		l.stated, l.at.stated, l.at.micro = l.stated[1:], r.ID, r.CreatedAt.UnixMicro()
		return r, true, nil
	}
	r := l.page[0]
	l.page, l.at.record = l.page[1:], r.ID
	return r, true, nil
}

// fill reads records until there is one that the caller may know of.
func (l *lister) fill(ctx context.Context) error {
	before := l.at.record
	for len(l.page) == 0 && !l.last {
		page, err := l.s.o.Store.Emergencies(ctx, l.q.Plugin, l.states, before, l.q.Limit)
		if err != nil {
			if errors.Is(err, artifact.ErrNotFound) {
				err = unknownPlace(l.q.Cursor)
			}
			return err
		}
		if l.last = len(page) < l.q.Limit; len(page) > 0 {
			before = page[len(page)-1].ID
		}
		for _, r := range page {
			sees, err := l.sees(ctx, r.Plugin)
			if err != nil {
				return err
			}
			if sees {
				l.page = append(l.page, r)
			}
		}
	}
	return nil
}

// sees reports whether the caller may know of a plugin's emergencies.
func (l *lister) sees(ctx context.Context, plugin string) (bool, error) {
	if sees, asked := l.known[plugin]; asked {
		return sees, nil
	}
	sees, err := l.s.sees(ctx, plugin)
	if err == nil {
		l.known[plugin] = sees
	}
	return sees, err
}

package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// A Store keeps the log.
type Store interface {
	// AuditLog returns rows, the newest first unless q asks for the oldest.
	AuditLog(ctx context.Context, q Query) ([]auth.AuditRecord, error)
	// AuditHead is the last row; that of an empty log is zero.
	AuditHead(ctx context.Context) (Head, error)
	// VerifyAudit reads the whole log and holds every row to the chain, and the
	// chain to the heads that were kept elsewhere. It returns the head that it
	// found. A log that does not hold is a *TamperedError; a head that is older
	// than what was removed after its time wraps artifact.ErrInvalid.
	VerifyAudit(ctx context.Context, kept ...Head) (Head, error)
}

// A Reader answers from the log those who may read it. Its errors are
// *index.Problem or of a kind of artifact.
type Reader struct {
	Store Store
	// Acts says whether the caller of ctx may do an action, and writes down who
	// took the log away.
	Acts Log
}

// Audit returns rows, the newest first.
func (r Reader) Audit(ctx context.Context, q index.AuditQuery) ([]index.AuditRow, error) {
	ask, on := narrowed(q.AuditFilter)
	if err := r.may(ctx, on); err != nil {
		return nil, err
	}
	ask.Before, ask.Limit = q.Before, q.Limit
	return r.rows(ctx, ask)
}

// exportPage is how many rows of an export are read at a time.
const exportPage = 1000

// ExportAudit gives the rows after one, from the oldest to the last that there is when
// it begins, and itself is an act that is written down once. An error of row ends
// it; it says how far it came in any case.
func (r Reader) ExportAudit(ctx context.Context, q index.AuditExportQuery, row func(index.AuditRow) error) (index.AuditExported, error) {
	ask, on := narrowed(q.AuditFilter)
	done := index.AuditExported{Through: q.After}
	err := r.Acts.Do(ctx, Act{Action: AuditExport, On: on, Needs: &Right{auth.AuditRead, on}, Planned: q}, func(ctx context.Context) (any, error) {
		head, err := r.Store.AuditHead(ctx)
		if err != nil {
			return nil, err
		}
		done.Head = head.String()
		ask.Oldest, ask.Limit = true, exportPage
		for more := true; more; {
			ask.After = done.Through
			page, err := r.rows(ctx, ask)
			if err != nil {
				return done, err
			}
			more = len(page) == exportPage
			for _, a := range page {
				if a.Seq > head.Seq { // it was written while this reads
					more = false
					break
				}
				if err := row(a); err != nil {
					return done, err
				}
				done.Rows, done.Through = done.Rows+1, a.Seq
			}
		}
		done.Through = max(done.Through, head.Seq)
		return nil, nil
	})
	return done, hinted(err, on)
}

// narrowed is a filter as the store has it, and what it takes the right to read of.
func narrowed(f index.AuditFilter) (Query, auth.Resource) {
	on := auth.Site()
	if f.Namespace != "" {
		on = auth.InNamespace(f.Namespace)
	}
	return Query{Namespace: f.Namespace, Actor: f.Actor, Action: f.Action, Resource: f.Resource, Outcome: f.Outcome, Since: f.Since, Until: f.Until}, on
}

func (r Reader) may(ctx context.Context, on auth.Resource) error {
	if r.Acts.May == nil {
		return fmt.Errorf("audit log: nobody says who may read it: %w", artifact.ErrDenied)
	}
	err := r.Acts.May(ctx, auth.AuditRead, on)
	return hinted(err, on)
}

// hinted tells who may not read all of the log that owners read a part of it.
func hinted(err error, on auth.Resource) error {
	var p *index.Problem
	if on.Class != auth.OnSite || !errors.As(err, &p) || p.Code != index.CodeNotAuthorised {
		return err
	}
	said := *p
	said.Fixes = append(slices.Clone(p.Fixes), "owners read what was done in their namespace: oarlock audit search --namespace NAMESPACE")
	return &said
}

func (r Reader) rows(ctx context.Context, q Query) ([]index.AuditRow, error) {
	records, err := r.Store.AuditLog(ctx, q)
	if err != nil {
		return nil, err
	}
	rows := make([]index.AuditRow, len(records))
	for i, rec := range records {
		rows[i] = index.AuditRow{
			Seq: rec.Seq, At: rec.At, Actor: rec.Actor, Session: rec.Session, Action: rec.Action, Resource: rec.Resource,
			Outcome: rec.Outcome, Reason: rec.Reason, Before: json.RawMessage(rec.Before), After: json.RawMessage(rec.After),
			Request: rec.Request, Hash: hex.EncodeToString(rec.Hash),
		}
	}
	return rows, nil
}

// VerifyAudit holds every row to the chain, and the chain to a head "seq:hash"
// that was kept elsewhere, if one is given.
func (r Reader) VerifyAudit(ctx context.Context, kept string) (index.AuditVerdict, error) {
	if err := r.may(ctx, auth.Site()); err != nil {
		return index.AuditVerdict{}, err
	}
	var heads []Head
	if kept != "" {
		head, err := parseHead(kept)
		if err != nil {
			return index.AuditVerdict{}, err
		}
		heads = append(heads, head)
	}
	head, err := r.Store.VerifyAudit(ctx, heads...)
	var tampered *TamperedError
	if errors.As(err, &tampered) {
		return index.AuditVerdict{Head: head.String(), Detail: tampered.Error()}, nil
	}
	return index.AuditVerdict{Holds: err == nil, Head: head.String()}, err
}

// parseHead reads "seq:hash", as a head is shown.
func parseHead(s string) (Head, error) {
	number, hash, ok := strings.Cut(s, ":")
	seq, numberErr := strconv.ParseInt(number, 10, 64)
	raw, hashErr := hex.DecodeString(hash)
	if !ok || numberErr != nil || hashErr != nil || seq < 1 || len(raw) != 32 {
		return Head{}, fmt.Errorf("head %.100q: expected seq:hash, as a verification printed it: %w", s, artifact.ErrInvalid)
	}
	return Head{Seq: seq, Hash: raw}, nil
}

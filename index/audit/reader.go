package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// A Store keeps the log.
type Store interface {
	// AuditLog returns rows, the newest first.
	AuditLog(ctx context.Context, q Query) ([]auth.AuditRecord, error)
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
	// May says whether the caller of ctx may do an action.
	May func(ctx context.Context, action auth.Action, r auth.Resource) error
}

// Audit returns rows, the newest first.
func (r Reader) Audit(ctx context.Context, q index.AuditQuery) ([]index.AuditRow, error) {
	on := auth.Site()
	if q.Namespace != "" {
		on = auth.InNamespace(q.Namespace)
		if q.Resource != "" && q.Resource != on.String() {
			return nil, fmt.Errorf("resource %q: it is not namespace %s: ask for one of the two: %w", q.Resource, q.Namespace, artifact.ErrInvalid)
		}
		q.Resource = on.String()
	}
	if r.May == nil {
		return nil, fmt.Errorf("audit log: nobody says who may read it: %w", artifact.ErrDenied)
	}
	if err := r.May(ctx, auth.AuditRead, on); err != nil {
		return nil, err
	}
	records, err := r.Store.AuditLog(ctx, Query{
		Actor: q.Actor, Action: q.Action, Resource: q.Resource, Since: q.Since, Until: q.Until, Before: q.Before, Limit: q.Limit,
	})
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
	if r.May == nil {
		return index.AuditVerdict{}, fmt.Errorf("audit log: nobody says who may read it: %w", artifact.ErrDenied)
	}
	if err := r.May(ctx, auth.AuditRead, auth.Site()); err != nil {
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

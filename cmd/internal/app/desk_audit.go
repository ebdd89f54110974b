package app

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
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/store"
)

// Audit implements api.AuditLog.
func (d desk) Audit(ctx context.Context, q api.AuditQuery) ([]index.AuditRow, error) {
	r := auth.Site()
	if q.Namespace != "" {
		r = auth.InNamespace(q.Namespace)
		if q.Resource != "" && q.Resource != r.String() {
			return nil, fmt.Errorf("resource %q: it is not namespace %s: ask for one of the two: %w", q.Resource, q.Namespace, artifact.ErrInvalid)
		}
		q.Resource = r.String()
	}
	if err := d.a.Check(ctx, auth.AuditRead, r); err != nil {
		return nil, auth.Problem(err)
	}
	records, err := d.a.store.AuditLog(ctx, store.AuditQuery{
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

// VerifyAudit implements api.AuditLog.
func (d desk) VerifyAudit(ctx context.Context, kept string) (index.AuditVerdict, error) {
	if err := d.a.Check(ctx, auth.AuditRead, auth.Site()); err != nil {
		return index.AuditVerdict{}, auth.Problem(err)
	}
	var heads []store.AuditHead
	if kept != "" {
		head, err := parseHead(kept)
		if err != nil {
			return index.AuditVerdict{}, err
		}
		heads = append(heads, head)
	}
	head, err := d.a.store.VerifyAudit(ctx, heads...)
	var tampered *store.TamperedError
	if errors.As(err, &tampered) {
		return index.AuditVerdict{Head: head.String(), Detail: tampered.Error()}, nil
	}
	return index.AuditVerdict{Holds: err == nil, Head: head.String()}, err
}

// parseHead reads "seq:hash", as a head is shown.
func parseHead(s string) (store.AuditHead, error) {
	number, hash, ok := strings.Cut(s, ":")
	seq, numberErr := strconv.ParseInt(number, 10, 64)
	raw, hashErr := hex.DecodeString(hash)
	if !ok || numberErr != nil || hashErr != nil || seq < 1 || len(raw) != 32 {
		return store.AuditHead{}, fmt.Errorf("head %.100q: expected seq:hash, as a verification printed it: %w", s, artifact.ErrInvalid)
	}
	return store.AuditHead{Seq: seq, Hash: raw}, nil
}

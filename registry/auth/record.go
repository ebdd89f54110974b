package auth

import (
	"context"
	"encoding/json"
	"fmt"
)

// audit writes one row for an act that is being done, in its transaction. A
// row that cannot be written undoes the act.
func (a *Authority) audit(ctx context.Context, by Principal, action, resource string, before, after any) error {
	rec := AuditRecord{
		At: a.o.Now().UTC(), Actor: by.Name, Session: by.Session,
		Action: action, Resource: resource, Outcome: Allowed.String(), Request: requestID(ctx),
	}
	var err error
	if rec.Before, err = auditText(before); err != nil {
		return err
	}
	if rec.After, err = auditText(after); err != nil {
		return err
	}
	return a.o.Store.AppendAudit(ctx, rec)
}

// Record writes one row about something that was done or refused elsewhere.
func (a *Authority) Record(ctx context.Context, by Principal, action Action, r Resource, d Decision) error {
	return a.o.Store.AppendAudit(ctx, AuditRecord{
		At: a.o.Now().UTC(), Actor: by.Name, Session: by.Session, Action: string(action), Resource: r.String(),
		Outcome: d.Outcome.String(), Reason: d.Reason, Request: requestID(ctx),
	})
}

// Note writes one row about an act that is done elsewhere, in the transaction of
// ctx if it has one: what it was before and after, as JSON says it.
func (a *Authority) Note(ctx context.Context, by Principal, action Action, r Resource, before, after any) error {
	return a.audit(ctx, by, string(action), r.String(), before, after)
}

// NoteFailure writes one row about an act that Note said was begun, and that
// came to nothing.
func (a *Authority) NoteFailure(ctx context.Context, by Principal, action Action, r Resource, cause error) error {
	return a.o.Store.AppendAudit(context.WithoutCancel(ctx), AuditRecord{
		At: a.o.Now().UTC(), Actor: by.Name, Session: by.Session, Action: string(action), Resource: r.String(),
		Outcome: "failed", Reason: cause.Error(), Request: requestID(ctx),
	})
}

func auditText(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	return string(b), nil
}

type requestKey struct{}

// WithRequestID notes the id of the request for the audit log.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/oarlock/oarlock/policy"
)

// An AuditLog writes down what was done and what was refused. It is safe for
// concurrent use.
type AuditLog struct {
	store    AuditStore
	now      func() time.Time
	logger   *slog.Logger
	refusals refusals
}

// audit writes one row for an act that is being done, in its transaction. A
// row that cannot be written undoes the act.
func (l *AuditLog) audit(ctx context.Context, by Principal, action, resource string, before, after any) error {
	rec := AuditRecord{
		At: l.now().UTC(), Actor: by.Name, Session: by.Session,
		Action: action, Resource: resource, Outcome: outcomeText(policy.Allow), Request: requestOf(ctx).ID,
	}
	var err error
	if rec.Before, err = auditText(before); err != nil {
		return err
	}
	if rec.After, err = auditText(after); err != nil {
		return err
	}
	return l.store.AppendAudit(ctx, rec)
}

// Record writes one row about something that was done or refused elsewhere.
func (l *AuditLog) Record(ctx context.Context, by Principal, action Action, r Resource, d Decision) error {
	return l.store.AppendAudit(ctx, AuditRecord{
		At: l.now().UTC(), Actor: by.Name, Session: by.Session, Action: string(action), Resource: r.String(),
		Outcome: outcomeText(d.Outcome), Reason: d.Reason, Request: requestOf(ctx).ID,
	})
}

// Note writes one row about an act that is done elsewhere, in the transaction of
// ctx if it has one: what it was before and after, as JSON says it.
func (l *AuditLog) Note(ctx context.Context, by Principal, action Action, r Resource, before, after any) error {
	return l.audit(ctx, by, string(action), r.String(), before, after)
}

// NoteFailure writes one row about an act that Note said was begun, and that
// ended early: what it had done until then, or nil, and why. It is written even
// where ctx ended.
func (l *AuditLog) NoteFailure(ctx context.Context, by Principal, action Action, r Resource, done any, cause error) error {
	after, err := auditText(done)
	if err != nil {
		return err
	}
	return l.store.AppendAudit(context.WithoutCancel(ctx), AuditRecord{
		At: l.now().UTC(), Actor: by.Name, Session: by.Session, Action: string(action), Resource: r.String(),
		Outcome: "failed", Reason: cause.Error(), After: after, Request: requestOf(ctx).ID,
	})
}

// outcomeText is how an audit row says o.
func outcomeText(o policy.Outcome) string {
	switch o {
	case policy.Allow:
		return "allowed"
	case policy.Deny:
		return "denied"
	default:
		return "could not tell"
	}
}

func auditText(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	var said any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // sizes keep all their digits
	if err := d.Decode(&said); err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	if b, err = json.Marshal(snaked(said)); err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	return string(b), nil
}

// zeroTime is how JSON says a time that never was.
const zeroTime = "0001-01-01T00:00:00Z"

// snaked is v in the words of the API: keys in snake_case, and nothing for a
// time that never was. The records of the store have no JSON names of their own.
func snaked(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			if inner != any(zeroTime) {
				out[snake(k)] = snaked(inner)
			}
		}
		return out
	case []any:
		for i := range v {
			v[i] = snaked(v[i])
		}
	}
	return v
}

// snake is a Go name as JSON has it: LoggedInAt is logged_in_at, ID is id. What
// does not begin with a capital is no Go name and stays.
func snake(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		capital := r >= 'A' && r <= 'Z'
		if capital && i > 0 && (s[i-1] < 'A' || s[i-1] > 'Z') {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// Request is what the audit log notes of the request that an act came with.
type Request struct {
	ID      string
	Address string // where it came from, without the port
}

type requestKey struct{}

// WithRequest notes a request for the audit log: one value, because every
// request carries it and few are read.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// requestOf is the zero Request where none was noted.
func requestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// The log of what was refused grows by at most maxRefusals+1 rows at once and
// as many when RefusalInterval is over, however many are refused.
const (
	RefusalInterval = time.Minute
	maxRefusals     = 20
	// writeWithin bounds what a refusal waits for its row.
	writeWithin = 2 * time.Second
)

// LoginAction is what the audit log calls a login, refused or not.
const LoginAction Action = "login"

// refusals are those of one interval. Of each kind the first is written at
// once; how many more there were, when the interval is over.
type refusals struct {
	mu    sync.Mutex
	since time.Time
	kinds map[refusal]*repeated
	other int64 // of further kinds
}

// A refusal is what makes two of them the same kind.
type refusal struct{ actor, action, about, code, from string }

// repeated is one kind: its first row, and how many more there were.
type repeated struct {
	first AuditRecord
	more  int64
}

// take counts one, and says what is to be written now.
func (l *refusals) take(k refusal, rec AuditRecord, now time.Time) []AuditRecord {
	rec.At, rec.Outcome, rec.After = now.UTC(), outcomeText(policy.Deny), from(k.from)
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := l.close(now, false)
	if known := l.kinds[k]; known != nil {
		known.more++
		return rows
	}
	if len(l.kinds) >= maxRefusals {
		l.other++
		return rows
	}
	if l.kinds == nil {
		l.kinds, l.since = map[refusal]*repeated{}, now
	}
	l.kinds[k] = &repeated{first: rec}
	return append(rows, rec)
}

// close ends an interval that is over, or any, and sums it up.
func (l *refusals) close(now time.Time, any bool) []AuditRecord {
	if l.kinds == nil || !any && now.Sub(l.since) < RefusalInterval {
		return nil
	}
	var rows []AuditRecord
	sum := func(rec AuditRecord, n int64) {
		rec.At, rec.Request = now.UTC(), ""
		rec.Reason = fmt.Sprintf("%d more like it since %s: %s", n, l.since.UTC().Format(time.TimeOnly), rec.Reason)
		rows = append(rows, rec)
	}
	for _, k := range l.kinds {
		if k.more > 0 {
			sum(k.first, k.more)
		}
	}
	if l.other > 0 {
		sum(AuditRecord{Actor: "several", Action: "several", Resource: string(OnSite), Outcome: outcomeText(policy.Deny), Reason: "of more kinds than are written one by one"}, l.other)
	}
	l.kinds, l.other = nil, 0
	return rows
}

func from(address string) string {
	if address == "" {
		return ""
	}
	return fmt.Sprintf(`{"from":%q}`, address)
}

// refused writes down that p was refused. The refusal stands whether or not
// its row can be written.
func (l *AuditLog) refused(ctx context.Context, p Principal, action Action, r Resource, d Decision) {
	k := refusal{p.Name, string(action), string(r.Class) + " " + r.Namespace + r.Tenant, d.Code, requestOf(ctx).Address}
	l.writeRefusals(ctx, l.refusals.take(k, AuditRecord{
		Actor: p.Name, Session: p.Session, Action: string(action), Resource: r.String(), Reason: d.Reason, Request: requestOf(ctx).ID,
	}, l.now()))
}

// refusedLogin writes down a credential that does not hold. Of its text only
// the id that it claims is told.
func (l *AuditLog) refusedLogin(ctx context.Context, text string, err error) {
	if !errors.Is(err, artifact.ErrUnverified) {
		return
	}
	rec := AuditRecord{Actor: string(Anonymous), Action: string(LoginAction), Resource: string(OnSite), Reason: errCredentials.Error(), Request: requestOf(ctx).ID}
	if t, err := ParseToken(text); err == nil {
		rec.Resource = "token " + t.ID()
	}
	k := refusal{rec.Actor, rec.Action, rec.Resource, "credentials", requestOf(ctx).Address}
	l.writeRefusals(ctx, l.refusals.take(k, rec, l.now()))
}

func (l *AuditLog) writeRefusals(ctx context.Context, rows []AuditRecord) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	for _, row := range rows {
		if err := l.store.AppendAudit(ctx, row); err != nil {
			l.logger.ErrorContext(ctx, "audit: a refusal was not written down", "actor", row.Actor, "action", row.Action, "resource", row.Resource, "err", err)
			return
		}
	}
}

// SettleRefusals sums up what was refused in the last interval, for a
// scheduler, and with all in any case, for the end.
func (l *AuditLog) SettleRefusals(ctx context.Context, all bool) {
	l.refusals.mu.Lock()
	rows := l.refusals.close(l.now(), all)
	l.refusals.mu.Unlock()
	l.writeRefusals(ctx, rows)
}

package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

type auditRow struct {
	bun.BaseModel `bun:"table:audit"`

	Seq      int64  `bun:"seq,pk"`
	At       int64  `bun:"at"`
	Actor    string `bun:"actor"`
	Session  string `bun:"session"`
	Action   string `bun:"action"`
	Resource string `bun:"resource"`
	Outcome  string `bun:"outcome"`
	Reason   string `bun:"reason"`
	Before   string `bun:"state_before"`
	After    string `bun:"state_after"`
	Request  string `bun:"request"`
	Hash     []byte `bun:"hash"`
}

func (r auditRow) record() auth.AuditRecord {
	return auth.AuditRecord{
		Seq: r.Seq, At: fromMicro(r.At), Actor: r.Actor, Session: r.Session, Action: r.Action, Resource: r.Resource,
		Outcome: r.Outcome, Reason: r.Reason, Before: r.Before, After: r.After, Request: r.Request, Hash: r.Hash,
	}
}

// chain is the hash of a row: SHA-256 over the hash of the row before it and
// over each field with its length, so that no two different rows read alike.
func (r auditRow) chain(before []byte) []byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	field([]byte("oarlock audit 1"))
	field(before)
	field(binary.BigEndian.AppendUint64(nil, uint64(r.Seq)))
	field(binary.BigEndian.AppendUint64(nil, uint64(r.At)))
	for _, text := range []string{r.Actor, r.Session, r.Action, r.Resource, r.Outcome, r.Reason, r.Before, r.After, r.Request} {
		field([]byte(text))
	}
	return h.Sum(nil)
}

// AppendAudit writes one row and chains it to the last. Rows are never changed
// or removed; Seq and Hash of a are not looked at.
func (s *Store) AppendAudit(ctx context.Context, a auth.AuditRecord) error {
	// No row has the secret of a token: whoever reads the log could use it, for good.
	kept := func(text string) string { return legible(auth.HideTokens(text)) }
	row := auditRow{
		At: micro(a.At), Actor: kept(a.Actor), Session: kept(a.Session), Action: kept(a.Action), Resource: kept(a.Resource),
		Outcome: kept(a.Outcome), Reason: kept(a.Reason), Before: kept(a.Before), After: kept(a.After), Request: kept(a.Request),
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.serialize(ctx, "audit"); err != nil {
			return err
		}
		head, err := s.AuditHead(ctx)
		if err != nil {
			return err
		}
		row.Seq = head.Seq + 1
		row.Hash = row.chain(head.Hash)
		_, err = s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap("audit", err)
	})
}

// legible is what both databases give back as it was written: a row that came
// back different would look like one that somebody changed.
func legible(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// AuditHead returns the last row; that of an empty log is zero.
func (s *Store) AuditHead(ctx context.Context) (audit.Head, error) {
	var row auditRow
	err := s.reader(ctx).NewSelect().Model(&row).Column("seq", "hash").Order("seq DESC").Limit(1).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return audit.Head{}, wrap("audit", err)
	}
	return audit.Head{Seq: row.Seq, Hash: row.Hash}, nil
}

// maxAuditRows is the most that one question answers.
const maxAuditRows = 1000

// namespaceOf is the namespace of a row, as the index audit_namespace has it, word by
// word: otherwise it would not be used.
const (
	namespaceOf = "CASE WHEN substr(resource, 1, 10) = 'namespace ' THEN substr(resource, 11) " +
		"WHEN substr(resource, 1, 11) = 'repository ' THEN "
	namespaceOfSQLite   = namespaceOf + "substr(resource, 12, instr(substr(resource, 12) || '/', '/') - 1) ELSE '' END"
	namespaceOfPostgres = namespaceOf + "split_part(substr(resource, 12), '/', 1) ELSE '' END"
)

// AuditLog returns rows, the newest first, or from the oldest on where q says so.
func (s *Store) AuditLog(ctx context.Context, q audit.Query) ([]auth.AuditRecord, error) {
	var rows []auditRow
	if err := s.auditQuery(ctx, q, &rows).Scan(ctx); err != nil {
		return nil, wrap("audit", err)
	}
	records := make([]auth.AuditRecord, len(rows))
	for i, row := range rows {
		records[i] = row.record()
	}
	return records, nil
}

// auditQuery is q in SQL, into rows.
func (s *Store) auditQuery(ctx context.Context, q audit.Query, rows *[]auditRow) *bun.SelectQuery {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	sel := s.reader(ctx).NewSelect().Model(rows).Limit(min(q.Limit, maxAuditRows))
	if q.Oldest {
		sel = sel.Order("seq").Where("seq > ?", q.After)
	} else {
		sel = sel.Order("seq DESC")
	}
	for column, value := range map[string]string{"actor": q.Actor, "action": q.Action, "resource": q.Resource, "outcome": q.Outcome} {
		if value != "" {
			sel = sel.Where("? = ?", bun.Ident(column), value)
		}
	}
	if q.Outcome != "" && q.Outcome != "allowed" {
		sel = sel.Where("outcome <> 'allowed'") // else the index of those is not used
	}
	if q.Namespace != "" {
		of := namespaceOfSQLite
		if s.postgres() {
			of = namespaceOfPostgres
		}
		sel = sel.Where(of+" = ?", q.Namespace)
	}
	if !q.Since.IsZero() {
		sel = sel.Where("at >= ?", micro(q.Since))
	}
	if !q.Until.IsZero() {
		sel = sel.Where("at < ?", micro(q.Until))
	}
	if q.Before > 0 {
		sel = sel.Where("seq < ?", q.Before)
	}
	return sel
}

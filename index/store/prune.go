package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// PruneAction is the action of the row that says what was removed of the log.
const PruneAction = "audit:prune"

type anchorRow struct {
	bun.BaseModel `bun:"table:audit_anchor"`

	Seq  int64  `bun:"seq,pk"`
	Hash []byte `bun:"hash"`
}

// pruned is what a row of PruneAction says: the last row that was removed.
type pruned struct {
	Removed int64  `json:"removed"`
	Through int64  `json:"through"`
	Hash    string `json:"hash"`
}

// PruneAudit removes the rows before a time, up to the first that is not, and
// never the last one. A new row of actor says how many, and holds the hash of
// the last one removed, so that the rest of the chain can still be proven. A
// log that does not hold is left as it is, and the error is a *audit.TamperedError.
func (s *Store) PruneAudit(ctx context.Context, actor string, before, now time.Time) (removed int64, err error) {
	if _, err := s.VerifyAudit(ctx); err != nil {
		return 0, fmt.Errorf("audit: nothing is removed: %w", err)
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		if err := s.serialize(ctx, "audit"); err != nil {
			return err
		}
		from, err := s.auditAnchor(ctx)
		if err != nil {
			return err
		}
		last, err := s.lastBefore(ctx, before)
		if err != nil || last.Seq <= from.Seq {
			return err
		}
		removed = last.Seq - from.Seq
		text, err := json.Marshal(pruned{removed, last.Seq, hex.EncodeToString(last.Hash)})
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		if _, err := s.writer(ctx).NewInsert().Model(&anchorRow{Seq: last.Seq, Hash: last.Hash}).Exec(ctx); err != nil {
			return wrap("audit", err)
		}
		if err := s.AppendAudit(ctx, auth.AuditRecord{At: now, Actor: actor, Action: PruneAction, Resource: "site", Outcome: "allowed", After: string(text)}); err != nil {
			return err
		}
		n, err := affected(s.writer(ctx).NewDelete().Model((*auditRow)(nil)).Where("seq <= ?", last.Seq).Exec(ctx))
		if err == nil && n != removed {
			err = fmt.Errorf("%d rows were to be removed, there were %d", removed, n)
		}
		return wrap("audit", err)
	})
	return removed, err
}

// lastBefore is the row before the first one that is not before t; at most
// the one before the last.
func (s *Store) lastBefore(ctx context.Context, t time.Time) (audit.Head, error) {
	head, err := s.AuditHead(ctx)
	if err != nil {
		return head, err
	}
	first := head.Seq
	var row auditRow
	err = s.reader(ctx).NewSelect().Model(&row).Column("seq").Where("at >= ?", micro(t)).Order("seq").Limit(1).Scan(ctx)
	switch {
	case err == nil:
		first = row.Seq
	case !errors.Is(err, sql.ErrNoRows):
		return head, wrap("audit", err)
	}
	row = auditRow{}
	err = s.reader(ctx).NewSelect().Model(&row).Column("seq", "hash").Where("seq < ?", first).Order("seq DESC").Limit(1).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return head, wrap("audit", err)
	}
	return audit.Head{Seq: row.Seq, Hash: row.Hash}, nil
}

// auditAnchor is the last row that was removed after its time; zero where none was.
func (s *Store) auditAnchor(ctx context.Context) (audit.Head, error) {
	var row anchorRow
	err := s.reader(ctx).NewSelect().Model(&row).Order("seq DESC").Limit(1).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return audit.Head{}, wrap("audit", err)
	}
	return audit.Head{Seq: row.Seq, Hash: row.Hash}, nil
}

// removal reads what a row says was removed.
func (r auditRow) removal() (audit.Head, bool) {
	var p pruned
	if r.Action != PruneAction || json.Unmarshal([]byte(r.After), &p) != nil {
		return audit.Head{}, false
	}
	hash, err := hex.DecodeString(p.Hash)
	return audit.Head{Seq: p.Through, Hash: hash}, err == nil
}

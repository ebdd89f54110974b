package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/audit"
)

// verifyPage is how many rows are read at a time.
const verifyPage = 1000

var _ audit.Store = (*Store)(nil)

// VerifyAudit reads the whole log and holds every row to the chain, and the
// chain to the heads that were kept elsewhere. It returns the head that it
// found. A log that does not hold is a *audit.TamperedError; without a kept head,
// rows cut off at the end cannot be noticed. Where rows were removed after
// their time, the chain begins with the last of them, and a row of the log has
// to say so; a head that was kept from before it can prove nothing any more,
// which is an error that wraps artifact.ErrInvalid.
func (s *Store) VerifyAudit(ctx context.Context, kept ...audit.Head) (audit.Head, error) {
	for {
		anchor, err := s.auditAnchor(ctx)
		if err != nil {
			return anchor, err
		}
		head, err := s.verifyFrom(ctx, anchor, kept)
		if err == nil {
			return head, nil
		}
		if again, e := s.auditAnchor(ctx); e != nil || again.Seq == anchor.Seq {
			return head, errors.Join(err, e)
		} // rows were removed meanwhile
	}
}

func (s *Store) verifyFrom(ctx context.Context, anchor audit.Head, kept []audit.Head) (audit.Head, error) {
	head, removal := anchor, audit.Head{}
	expected := map[int64][]byte{}
	for _, k := range kept {
		if hash, ok := expected[k.Seq]; ok && !bytes.Equal(hash, k.Hash) {
			return head, &audit.TamperedError{Seq: k.Seq, Detail: "two kept heads disagree about it"}
		}
		expected[k.Seq] = k.Hash
	}
	delete(expected, 0)
	for seq, hash := range expected {
		switch {
		case seq < anchor.Seq:
			return head, fmt.Errorf("audit: head %d: rows up to %d were removed after their time: use a newer one: %w", seq, anchor.Seq, artifact.ErrInvalid)
		case seq == anchor.Seq && !bytes.Equal(hash, anchor.Hash):
			return head, &audit.TamperedError{Seq: seq, Detail: "it is not the row that was kept as a head: the log was written anew"}
		case seq == anchor.Seq:
			delete(expected, seq)
		}
	}
	for {
		var rows []auditRow
		err := s.reader(ctx).NewSelect().Model(&rows).Where("seq > ?", head.Seq).Order("seq").Limit(verifyPage).Scan(ctx)
		if err != nil {
			return head, wrap("audit", err)
		}
		for _, row := range rows {
			if err := row.follows(head, expected); err != nil {
				return head, err
			}
			delete(expected, row.Seq)
			head = audit.Head{Seq: row.Seq, Hash: row.Hash}
			if r, ok := row.removal(); ok {
				removal = r
			}
		}
		if len(rows) < verifyPage {
			break
		}
	}
	if anchor.Seq != removal.Seq || !bytes.Equal(anchor.Hash, removal.Hash) {
		return head, &audit.TamperedError{Seq: anchor.Seq + 1, Detail: fmt.Sprintf("the log begins here, and says that rows up to %d were removed", removal.Seq)}
	}
	for seq := range expected {
		return head, &audit.TamperedError{Seq: seq, Detail: fmt.Sprintf("it was kept as a head, and the log ends at %d", head.Seq)}
	}
	return head, nil
}

// follows holds one row to the row before it and to a kept head.
func (r auditRow) follows(head audit.Head, kept map[int64][]byte) error {
	if r.Seq != head.Seq+1 {
		return &audit.TamperedError{Seq: head.Seq + 1, Detail: fmt.Sprintf("it is missing: row %d follows %d", r.Seq, head.Seq)}
	}
	if !bytes.Equal(r.Hash, r.chain(head.Hash)) {
		return &audit.TamperedError{Seq: r.Seq, Detail: "its hash does not hold: it or a row before it was changed"}
	}
	if want, ok := kept[r.Seq]; ok && !bytes.Equal(want, r.Hash) {
		return &audit.TamperedError{Seq: r.Seq, Detail: "it is not the row that was kept as a head: the log was written anew"}
	}
	return nil
}

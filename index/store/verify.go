package store

import (
	"bytes"
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// verifyPage is how many rows are read at a time.
const verifyPage = 1000

// A TamperedError says where the audit log is not what was written. It wraps
// artifact.ErrUnverified.
type TamperedError struct {
	// Seq is the first row that does not hold.
	Seq    int64
	Detail string
}

func (e *TamperedError) Error() string { return fmt.Sprintf("audit row %d: %s", e.Seq, e.Detail) }

// Unwrap makes errors.Is(err, artifact.ErrUnverified) hold.
func (e *TamperedError) Unwrap() error { return artifact.ErrUnverified }

// VerifyAudit reads the whole log and holds every row to the chain, and the
// chain to the heads that were kept elsewhere. It returns the head that it
// found. A log that does not hold is a *TamperedError; without a kept head,
// rows cut off at the end cannot be noticed.
func (s *Store) VerifyAudit(ctx context.Context, kept ...AuditHead) (AuditHead, error) {
	var head AuditHead
	expected := map[int64][]byte{}
	for _, k := range kept {
		if hash, ok := expected[k.Seq]; ok && !bytes.Equal(hash, k.Hash) {
			return head, &TamperedError{k.Seq, "two kept heads disagree about it"}
		}
		expected[k.Seq] = k.Hash
	}
	delete(expected, 0)
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
			head = AuditHead{row.Seq, row.Hash}
		}
		if len(rows) < verifyPage {
			break
		}
	}
	for seq := range expected {
		return head, &TamperedError{seq, fmt.Sprintf("it was kept as a head, and the log ends at %d", head.Seq)}
	}
	return head, nil
}

// follows holds one row to the row before it and to a kept head.
func (r auditRow) follows(head AuditHead, kept map[int64][]byte) error {
	if r.Seq != head.Seq+1 {
		return &TamperedError{head.Seq + 1, fmt.Sprintf("it is missing: row %d follows %d", r.Seq, head.Seq)}
	}
	if !bytes.Equal(r.Hash, r.chain(head.Hash)) {
		return &TamperedError{r.Seq, "its hash does not hold: it or a row before it was changed"}
	}
	if want, ok := kept[r.Seq]; ok && !bytes.Equal(want, r.Hash) {
		return &TamperedError{r.Seq, "it is not the row that was kept as a head: the log was written anew"}
	}
	return nil
}

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// AuditLog reads what was done. It is append-only, and each row holds the hash
// of the one before it.
type AuditLog interface {
	// Audit returns rows, the newest first.
	Audit(ctx context.Context, q index.AuditQuery) ([]index.AuditRow, error)
	// VerifyAudit holds every row to the chain, and the chain to a head
	// "seq:hash" that was kept elsewhere, if one is given.
	VerifyAudit(ctx context.Context, kept string) (index.AuditVerdict, error)
}

type auditOutput struct{ Body index.AuditPage }

type verifyAuditInput struct {
	Head string `query:"head" doc:"A head that was kept, seq:hash."`
}

type verifyAuditOutput struct{ Body index.AuditVerdict }

func (s *Server) auditRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "audit", Method: http.MethodGet, Path: "/audit",
		Summary: "Read the audit log", Description: "The newest rows first. No row is ever changed or removed."}),
		func(ctx context.Context, in *index.AuditQuery) (*auditOutput, error) {
			rows, err := s.Accounts.Audit(ctx, *in)
			page := index.AuditPage{Items: rows}
			if n := len(rows); n > 0 && int64(n) == in.Limit {
				page.Next = rows[n-1].Seq
			}
			return &auditOutput{page}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "verify-audit", Method: http.MethodGet, Path: "/audit/verify",
		Summary: "Verify the audit log", Description: "Reads all of it and holds every row to the chain."}),
		func(ctx context.Context, in *verifyAuditInput) (*verifyAuditOutput, error) {
			v, err := s.Accounts.VerifyAudit(ctx, in.Head)
			return &verifyAuditOutput{v}, err
		})
}

package api

import (
	"bufio"
	"context"
	"encoding/json"
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
	// ExportAudit gives the rows after one, the oldest first, and says how far it
	// came. An error of row ends it.
	ExportAudit(ctx context.Context, q index.AuditExportQuery, row func(index.AuditRow) error) (index.AuditExported, error)
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
	huma.Register(a, guarded(huma.Operation{OperationID: "export-audit", Method: http.MethodGet, Path: "/audit/export",
		Responses: map[string]*huma.Response{"200": {Description: "A stream of lines.",
			Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}},
		Summary: "Export the audit log",
		Description: "One row per line, the oldest first, and a last line {\"done\":true,\"export\":{…}}, without which the export was cut. " +
			"It goes on after the last row that came. The export is in the log itself."}), s.exportAudit)
	huma.Register(a, guarded(huma.Operation{OperationID: "verify-audit", Method: http.MethodGet, Path: "/audit/verify",
		Summary: "Verify the audit log", Description: "Reads all of it and holds every row to the chain."}),
		func(ctx context.Context, in *verifyAuditInput) (*verifyAuditOutput, error) {
			v, err := s.Accounts.VerifyAudit(ctx, in.Head)
			return &verifyAuditOutput{v}, err
		})
}

// exportAudit writes rows as they are read. Until the first one it may still be refused.
func (s *Server) exportAudit(_ context.Context, in *index.AuditExportQuery) (*huma.StreamResponse, error) {
	return stream(func(w http.ResponseWriter, r *http.Request) {
		out := bufio.NewWriterSize(w, 64<<10)
		lines, begun := json.NewEncoder(out), false
		begin := func() {
			begun = true
			w.Header().Set("Content-Type", lineType)
			w.Header().Set("Cache-Control", "no-store")
		}
		done, err := s.Accounts.ExportAudit(r.Context(), *in, func(row index.AuditRow) error {
			begin()
			return lines.Encode(row)
		})
		if err != nil && !begun {
			writeProblem(w, asProblem(r.Context(), err))
			return
		}
		begin()
		last := any(index.AuditExportDone{Done: true, Export: done})
		if err != nil {
			last = index.StreamFailed{Error: asProblem(r.Context(), err)}
		}
		if err = lines.Encode(last); err == nil {
			err = out.Flush()
		}
		if err != nil {
			s.Log.DebugContext(r.Context(), "audit: the reader is gone", "err", err)
		}
	}), nil
}

// lineType is the media type of an answer of one JSON value per line.
const lineType = "application/x-ndjson"

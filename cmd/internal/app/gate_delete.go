package app

import (
	"context"

	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry"
)

// AdmitDelete implements registry.DeleteAdmitter: each delete is written down
// in the audit log before it is done.
func (g gate) AdmitDelete(ctx context.Context, x registry.Access, what registry.Removal) (func(error) error, error) {
	row := map[string]string{"digest": what.Digest.String(), "kind": "manifest"}
	switch {
	case what.Tag != "":
		row["kind"], row["tag"] = "tag", what.Tag
	case what.Blob:
		row["kind"] = "blob"
	}
	if what.Subject != "" {
		row["subject"] = what.Subject.String()
	}
	if what.ArtifactType != "" {
		row["artifact_type"] = what.ArtifactType
	}
	begun, err := audit.Log{May: admitted, Rows: g.accounts.trail}.Begin(ctx, audit.Act{Action: auth.RepositoryDelete, On: auth.InRepository(x.Repository), Before: row})
	if err != nil {
		return nil, err
	}
	return func(cause error) error { return begun.End(ctx, nil, cause) }, nil
}

// admitted is what Admit said before the registry asks for a row.
func admitted(context.Context, auth.Action, auth.Resource) error { return nil }

package app

import (
	"context"

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
	return g.accounts.begin(ctx, auth.RepositoryDelete, auth.InRepository(x.Repository), row, nil)
}

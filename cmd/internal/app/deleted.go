package app

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry"
)

// refuseDeleted refuses to publish under the name of a plugin that was deleted: its
// versions never come back. Where the ledgers are not known yet, it may have been.
func (g gate) refuseDeleted(repository, tag string) error {
	t, err := artifact.ParseTag(tag)
	if err != nil || t.Kind() != artifact.TagVersion && t.Kind() != artifact.TagChannel {
		return nil
	}
	id, err := artifact.ParseName(repository)
	if err != nil {
		return nil // no plugin, so nobody deletes it
	}
	if err := g.index.ready(); err != nil {
		return fmt.Errorf("whether %s was deleted: %w", repository, err)
	}
	if p := g.index.ingest.Ledger(format.OfPlugin(id)).Plugin; p.IsDeleted() {
		return &registry.Denial{Code: index.ReasonDeleted, Head: http.StatusForbidden,
			Err: fmt.Errorf("%s was deleted at %s by %s: none of its versions is published again; choose another name",
				id, p.Deleted.At.UTC().Format("2006-01-02"), p.Deleted.By)}
	}
	return nil
}

// undeleted admits every manifest but those of deleted plugins.
type undeleted struct {
	gate
	all registry.ManifestAdmitter
}

// AdmitManifest implements registry.ManifestAdmitter.
func (u undeleted) AdmitManifest(ctx context.Context, x registry.Access, l registry.Load) (registry.Reservation, error) {
	if err := u.refuseDeleted(x.Repository, l.Tag); err != nil {
		return nil, err
	}
	return u.all.AdmitManifest(ctx, x, l)
}

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// setsVersion reports whether a request would set a version tag.
func (at route) setsVersion(method string) bool {
	if at.kind != routeManifest || method != http.MethodPut || at.tag == "" {
		return false
	}
	t, err := artifact.ParseTag(at.tag)
	return err == nil && t.Kind() == artifact.TagVersion
}

// admitManifest asks whether the namespace has room for m, and for more bytes
// that did not come yet. The caller holds the tag's lock, or stores nothing.
func (g *Registry) admitManifest(ctx context.Context, at route, m *storage.Manifest, more int64) (Reservation, error) {
	if isProcess(ctx) || g.opts.Manifests == ManifestAdmitter(admitAll{}) {
		return noReservation{}, nil
	}
	l := Load{Tag: at.tag, Digest: m.Digest, Type: m.ArtifactType,
		Manifest: int64(len(m.Content)), Layers: len(m.Layers), Version: at.setsVersion(http.MethodPut), More: more}
	if !m.IsIndex() { // the children of an index were pushed before it
		for _, d := range m.References() {
			l.Content = min(l.Content+min(max(d.Size, 0), mostComing), mostComing) // sizes that a client claims
		}
	}
	switch _, err := g.storage.Revision(ctx, at.repo, m.Digest); {
	case err == nil:
		l.Held = true
	case !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified):
		return nil, storage.CouldNotTell(fmt.Sprintf("whether %s has %s", at.repo, m.Digest), err)
	}
	if at.tag != "" {
		have, err := g.storage.ResolveTag(ctx, at.repo, at.tag)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
			return nil, storage.CouldNotTell(fmt.Sprintf("what tag %q of %s holds", at.tag, at.repo), err)
		}
		l.Set = have == m.Digest
	}
	room, err := g.opts.Manifests.AdmitManifest(ctx, Access{Principal: at.who, Action: Push, Repository: at.repo}, l)
	if err != nil {
		return nil, admission(err)
	}
	if room == nil {
		return noReservation{}, nil
	}
	return room, nil
}

type noReservation struct{}

func (noReservation) Commit(context.Context) error                { return nil }
func (noReservation) Failed(_ context.Context, cause error) error { return cause }
func (noReservation) Release()                                    {}

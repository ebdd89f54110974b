package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
)

// setsVersion reports whether a request would set a version tag.
func (at route) setsVersion(method string) bool {
	if at.kind != routeManifest || method != http.MethodPut || at.tag == "" {
		return false
	}
	t, err := artifact.ParseTag(at.tag)
	return err == nil && t.Kind() == artifact.TagVersion
}

// admitManifest asks whether the namespace has room for m. The caller holds
// the tag's lock.
func (g *Registry) admitManifest(ctx context.Context, at route, m *manifest) (Reservation, error) {
	a, ok := g.opts.Admitter.(ManifestAdmitter)
	if !ok || isProcess(ctx) {
		return noReservation{}, nil
	}
	l := Load{Tag: at.tag, Digest: m.digest, Manifest: int64(len(m.content)), Layers: len(m.Layers), Version: at.setsVersion(http.MethodPut)}
	if !m.isIndex() { // the children of an index were pushed before it
		for _, d := range m.references() {
			l.Content += d.Size
		}
	}
	switch _, err := g.revision(ctx, at.repo, m.digest); {
	case err == nil:
		l.Held = true
	case !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified):
		return nil, couldNotTell(fmt.Sprintf("whether %s has %s", at.repo, m.digest), err)
	}
	if at.tag != "" {
		have, err := g.resolveTag(ctx, at.repo, at.tag)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
			return nil, couldNotTell(fmt.Sprintf("what tag %q of %s holds", at.tag, at.repo), err)
		}
		l.Set = have == m.digest
	}
	room, err := a.AdmitManifest(ctx, Access{Principal: at.who, Action: Push, Repository: at.repo}, l)
	if err != nil {
		return nil, admission(err)
	}
	if room == nil {
		return noReservation{}, nil
	}
	return room, nil
}

type noReservation struct{}

func (noReservation) Commit(context.Context) error { return nil }
func (noReservation) Release()                     {}

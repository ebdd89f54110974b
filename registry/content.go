package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/lint"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// checkPlugin refuses, under a version tag, what is not a readable plugin
// version of this name, so that a bad push burns no version number.
func (g *Registry) checkPlugin(ctx context.Context, repo string, t artifact.Tag, m *storage.Manifest, parts sent) error {
	c, err := artifact.ReadContent(ctx, m.Type, m.Content, func(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
		raw, ok := parts[d.Digest]
		if !ok {
			var err error
			if raw, err = g.storage.Fetch(ctx, repo, d); err != nil {
				return nil, err
			}
		}
		return raw, artifact.CheckCharacters(raw)
	})
	if err != nil {
		return notAPlugin(repo, t, err)
	}
	problems := lint.Version(c, repo, t)
	if lint.Failed(problems) {
		return notAPlugin(repo, t, &artifact.ProblemsError{Problems: problems})
	}
	if !c.Manifest.IsIndex() || parts != nil { // of a draft, what the platforms need may be on its way
		return nil // its own references are checked like those of any manifest
	}
	for i, image := range c.Images {
		child := &storage.Manifest{Type: ocispec.MediaTypeImageManifest, Config: image.Config, Layers: image.Layers}
		if err := g.storage.CheckReferences(ctx, repo, child); err != nil {
			return inChild(i, err)
		}
	}
	return nil
}

// inChild says in which child of an index the reference is that a refusal names.
func inChild(i int, err error) error {
	var no *errcode.Refusal
	if !errors.As(err, &no) {
		return fmt.Errorf("manifests[%d]: %w", i, err)
	}
	for n := range no.Errors {
		no.Errors[n].Message = fmt.Sprintf("manifests[%d]: %s", i, no.Errors[n].Message)
	}
	return no
}

// maxProblems is how many problems one refusal names.
const maxProblems = 64

// notAPlugin names every problem, one OCI error each.
func notAPlugin(repo string, t artifact.Tag, err error) error {
	var no *errcode.Refusal
	var damage *driver.Damage
	switch {
	case errors.As(err, &no):
		return err
	case errors.As(err, &damage), !errors.Is(err, artifact.ErrInvalid) && !errors.Is(err, artifact.ErrUnverified):
		return storage.CouldNotTell(fmt.Sprintf("whether version %q of %s is a plugin", t, repo), err)
	}
	r := errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "version tag %q of %s takes a plugin version: %s", t, repo, err)
	var several *artifact.ProblemsError
	if !errors.As(err, &several) {
		return r
	}
	r.Errors = nil
	for _, p := range several.Problems {
		if p.Warning {
			continue
		}
		if len(r.Errors) == maxProblems {
			r.Errors = append(r.Errors, errcode.Error{Code: errcode.ManifestInvalid, Message: fmt.Sprintf("version tag %q of %s: there are more than %d problems", t, repo, maxProblems)})
			break
		}
		r.Errors = append(r.Errors, errcode.Error{
			Code:    errcode.ManifestInvalid,
			Message: fmt.Sprintf("version tag %q of %s: %s", t, repo, p),
			Detail:  p,
		})
	}
	return r
}

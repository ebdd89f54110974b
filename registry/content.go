package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// checkPlugin refuses, under a version tag, what is not a readable plugin
// version of this name, so that a bad push burns no version number.
func (g *Registry) checkPlugin(ctx context.Context, repo string, t artifact.Tag, m *manifest) error {
	c, err := artifact.ReadContent(ctx, m.mediaType, m.content, func(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
		return g.fetch(ctx, repo, d)
	})
	if err != nil {
		return notAPlugin(repo, t, err)
	}
	var problems []artifact.Problem
	if id := c.Plugin.ID.String(); id != repo {
		problems = append(problems, artifact.Problem{
			Place: "id", Detail: fmt.Sprintf("the plugin says %q, the repository is %q", id, repo),
			Fix: "push it to the repository of its id",
		})
	}
	if v := c.Plugin.Version; v.Tag() != t.String() {
		problems = append(problems, artifact.Problem{
			Place: "version", Detail: fmt.Sprintf("the plugin says %q, the tag is %q", v, t),
			Fix: fmt.Sprintf("push it to the tag %q", v.Tag()),
		})
	}
	if len(problems) > 0 {
		return notAPlugin(repo, t, &artifact.ProblemsError{Problems: problems})
	}
	return nil
}

// notAPlugin names every problem, one OCI error each.
func notAPlugin(repo string, t artifact.Tag, err error) error {
	var no *refusal
	var damage *Damage
	switch {
	case errors.As(err, &no):
		return err
	case errors.As(err, &damage), !errors.Is(err, artifact.ErrInvalid) && !errors.Is(err, artifact.ErrUnverified):
		return couldNotTell(fmt.Sprintf("whether version %q of %s is a plugin", t, repo), err)
	}
	r := refuse(http.StatusBadRequest, manifestInvalid, "version tag %q of %s takes a plugin version: %s", t, repo, err)
	var several *artifact.ProblemsError
	if !errors.As(err, &several) {
		return r
	}
	r.errors = nil
	for _, p := range several.Problems {
		if p.Warning {
			continue
		}
		r.errors = append(r.errors, ociError{
			Code:    manifestInvalid,
			Message: fmt.Sprintf("version tag %q of %s: %s", t, repo, p),
			Detail:  p,
		})
	}
	return r
}

// fetch reads what a manifest of repo references: a child or a blob.
func (g *Registry) fetch(ctx context.Context, repo string, d ocispec.Descriptor) ([]byte, error) {
	switch d.MediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex:
		m, err := g.manifestContent(ctx, repo, d.Digest)
		if err != nil {
			return nil, notReferenced(err, d)
		}
		return m.content, nil
	}
	content, err := g.Blob(ctx, repo, d.Digest, max(d.Size, 0))
	return content, notReferenced(err, d)
}

func notReferenced(err error, d ocispec.Descriptor) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	return refuse(http.StatusNotFound, manifestBlobUnknown, "%s is referenced but not in this repository: push or mount it first", d.Digest).
		detail(map[string]string{"digest": d.Digest.String()})
}

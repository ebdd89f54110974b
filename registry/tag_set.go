package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// moveTag makes tag mean m, where it still means what it did when was was read;
// else it is 409, in the words of the rule that a push would have met.
func (g *Registry) moveTag(ctx context.Context, repo, tag string, m *storage.Manifest, was driver.Held) error {
	err := g.storage.SetTag(ctx, repo, tag, m.Digest, was)
	var moved *storage.MovedTag
	if !errors.As(err, &moved) {
		return err
	}
	t, err := artifact.ParseTag(tag)
	if err == nil && t.Kind() == artifact.TagVersion && moved.Have != "" && !g.opts.settings(ctx, repo).FreeTags {
		return g.immutable(ctx, repo, tag, moved.Have, m)
	}
	return tagMoved(repo, tag, moved.Have, m)
}

// tagMoved refuses what was decided on a tag that others changed meanwhile.
func tagMoved(repo, tag string, have digest.Digest, m *storage.Manifest) *errcode.Refusal {
	now := "it was removed"
	if have != "" {
		now = "it holds " + have.String()
	}
	return errcode.Refuse(http.StatusConflict, errcode.Denied, "tag %q of %s was changed by somebody else meanwhile: %s, and this would make it %s; look at what it holds and try again", tag, repo, now, m.Digest).
		Detail(map[string]string{"tag": tag, "have": have.String(), "got": m.Digest.String()})
}

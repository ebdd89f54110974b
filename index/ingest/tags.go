package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// tags lists the tags of a repository. Those that are damaged where they are
// stored do not stop the others: each is broken. An error means that the list
// may not be whole.
func (in *Ingester) tags(ctx context.Context, repo string) (map[string]digest.Digest, []catalog.Broken, error) {
	tags := map[string]digest.Digest{}
	err := in.opts.Source.Tags(ctx, repo, func(tag string, d digest.Digest) error {
		tags[tag] = d
		return nil
	})
	if err == nil || errors.Is(err, artifact.ErrNotFound) {
		return tags, nil, nil
	}
	var damaged []catalog.Broken
	for _, one := range each(err) {
		if !errors.Is(one, artifact.ErrUnverified) {
			return nil, nil, fmt.Errorf("repository %q: tags: %w", repo, err)
		}
		damaged = append(damaged, catalog.Broken{Tag: damagedTag(one),
			Reasons: []index.Reason{{Code: index.ReasonUnreadable, Detail: one.Error()}}})
	}
	return tags, damaged, nil
}

// each takes a joined error apart.
func each(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, one := range joined.Unwrap() {
		out = append(out, each(one)...)
	}
	return out
}

// tagIn looks a tag up among those that were listed. One that is damaged where it
// is stored is not missing: nobody knows what it says. A damage that names no tag
// may be of any.
func tagIn(tags map[string]digest.Digest, damaged []catalog.Broken, tag string) (digest.Digest, error) {
	if d, ok := tags[tag]; ok {
		return d, nil
	}
	for _, b := range damaged {
		if b.Tag == tag || b.Tag == "" {
			return "", fmt.Errorf("tag %q: %s: %w", tag, b.Reasons[0].Detail, artifact.ErrUnverified)
		}
	}
	return "", missingTag(tag)
}

// missingTag is the error of most lookups: few versions have every kind of
// evidence. So it costs nothing until somebody reads it.
type missingTag string

func (m missingTag) Error() string { return fmt.Sprintf("tag %q: %s", string(m), artifact.ErrNotFound) }

func (missingTag) Unwrap() error { return artifact.ErrNotFound }

// damagedTag is the tag that an error is about, where it says so, else "".
func damagedTag(err error) string {
	var about interface{ DamagedTag() string }
	if errors.As(err, &about) {
		return about.DamagedTag()
	}
	return ""
}

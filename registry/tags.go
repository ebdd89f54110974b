package registry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
)

// maxTags is the largest page of tags that is given when n asks for more.
const maxTags = 10000

// getTags answers tags/list.
//
// Source: OCI distribution-spec 1.1, "Listing Tags".
func (g *Registry) getTags(w http.ResponseWriter, r *http.Request, at route) error {
	p, err := parsePage(r.URL.Query(), maxTags)
	if err != nil {
		return err
	}
	if ok, err := g.storage.Known(r.Context(), at.repo); err != nil {
		return err
	} else if !ok {
		return unknownRepository(at.repo)
	}
	tags, more, err := g.pageOfTags(r.Context(), at, p)
	if err != nil {
		return err
	}
	if more {
		w.Header().Set("Link", p.next(r.URL.Path, tags[len(tags)-1], nil))
	}
	body, err := json.Marshal(map[string]any{"name": at.repo, "tags": tags})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	return nil
}

func unknownRepository(repo string) error {
	return errcode.Refuse(http.StatusNotFound, errcode.NameUnknown, "repository %q: nothing was pushed to it", repo)
}

// pageOfTags gives the tags after p.last, and whether there are more, without
// those that whoever asks may not know of. Only names are read beyond the page
// itself.
func (g *Registry) pageOfTags(ctx context.Context, at route, p page) (tags []string, more bool, err error) {
	repo := at.repo
	tags = []string{}
	if p.n == 0 {
		return tags, false, nil
	}
	names, err := g.storage.TagNames(ctx, repo)
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(names, storage.CompareTags)
	for _, name := range names {
		if p.last != "" && storage.CompareTags(name, p.last) <= 0 {
			continue
		}
		_, err := g.storage.ResolveTag(ctx, repo, name)
		if errors.Is(err, artifact.ErrNotFound) {
			continue
		}
		if err != nil && !errors.Is(err, artifact.ErrUnverified) { // a damaged tag is still a tag
			return nil, false, err
		}
		at.tag = name
		if err := g.opts.admitLedger(ctx, at); errors.Is(err, artifact.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, false, err
		}
		if p.n > 0 && len(tags) == p.n {
			return tags, true, nil
		}
		tags = append(tags, name)
	}
	return tags, false, nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/oarlock/oarlock/index"
)

// draftResult is what a server would say to a push.
type draftResult struct {
	index.Drafted
	Server string `json:"server"`
}

func (r draftResult) text(w io.Writer) error {
	if r.OK {
		return writeLine(w, "%s takes %s@%s", r.Server, r.ID, r.Version)
	}
	for _, no := range r.Refusals {
		line := fmt.Sprintf("%s: error: %s (%s)", r.Server, no.Detail, no.Code)
		if err := writeLine(w, "%s", line); err != nil {
			return err
		}
		for _, fix := range no.Fixes {
			if err := writeLine(w, "  %s", fix); err != nil {
				return err
			}
		}
	}
	return nil
}

// refusal is the first of them as the error that a push would end with.
func (r draftResult) refusal() error {
	if len(r.Refusals) == 0 {
		return nil
	}
	return &index.Problem{Code: r.Refusals[0].Code, Status: r.Refusals[0].Status, Detail: r.Refusals[0].Detail}
}

// errUnpacked is the kind of error of what could not be packed, so that nobody was
// asked.
var errUnpacked = errors.New("unpacked")

// lintAt asks the server what a push of a directory or layout would be answered.
func (c *console) lintAt(ctx context.Context, path string) (draftResult, error) {
	r := draftResult{Server: c.serverAt(ctx)}
	p, err := openPlugin(ctx, path, "")
	if err != nil {
		return r, kinded{err, errUnpacked}
	}
	draft, err := draftOf(ctx, p)
	if err != nil {
		return r, err
	}
	id, v := p.Plugin.ID, p.Plugin.Version
	at := fmt.Sprintf("/plugins/%s/%s/versions/%s/check", id.Publisher(), id.Plugin(), url.PathEscape(v.String()))
	r.Drafted, err = call[index.Drafted](ctx, c, http.MethodPost, at, draft)
	var no *index.Problem
	if !errors.As(err, &no) || no.Status >= http.StatusInternalServerError || no.Status == http.StatusNotFound {
		return r, err
	}
	// It was refused before the content was looked at, as a push is.
	r.Drafted = index.Drafted{ID: id.String(), Version: v.String(), Digest: p.Root.Digest,
		Refusals: []index.Refusal{{Code: no.Code, Status: no.Status, Detail: no.Detail, Fixes: no.Fixes}}}
	return r, nil
}

// draftOf gathers what the judgement of p needs: no layers.
func draftOf(ctx context.Context, p *pack.Result) (index.Draft, error) {
	root, err := content.FetchAll(ctx, p.Store, p.Root)
	if err != nil {
		return index.Draft{}, err
	}
	d := index.Draft{MediaType: p.Root.MediaType, Manifest: root}
	m, err := artifact.ParseManifest(p.Root.MediaType, root)
	if err != nil {
		return d, err
	}
	take := func(at ocispec.Descriptor) ([]byte, error) {
		raw, err := content.FetchAll(ctx, p.Store, at)
		if err == nil {
			d.Parts = append(d.Parts, raw)
		}
		return raw, err
	}
	images := []*artifact.Manifest{m}
	if m.IsIndex() {
		images = nil
		for _, at := range m.Children {
			raw, err := take(at)
			if err != nil {
				return d, err
			}
			image, err := artifact.ParseManifest(at.MediaType, raw)
			if err != nil {
				return d, err
			}
			images = append(images, image)
		}
	}
	for _, image := range images {
		if image.Config == nil {
			continue
		}
		if _, err := take(*image.Config); err != nil {
			return d, err
		}
	}
	return d, nil
}

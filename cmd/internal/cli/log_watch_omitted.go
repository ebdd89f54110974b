package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// A lateError says that something has no leaf yet that should have one: leaves are
// written beside the acts, within a second as a rule.
type lateError struct{ what string }

func (e *lateError) Error() string {
	return e.what + ", and the server tells of no leaf: it is late, or leaves it out"
}

// heads asks how far the publisher's ledgers go, before the checkpoint is asked for.
func (w *watch) heads(ctx context.Context) error {
	w.stated = map[string]int{}
	record, err := call[index.Publisher](ctx, w.c, http.MethodGet, publisherPath(w.how.publisher, ""), nil)
	switch {
	case err == nil:
		w.stated[format.PublishersRepository+":"+w.how.publisher] = record.Ledger.Sequence
	case !errors.Is(err, artifact.ErrNotFound):
		return err
	}
	return w.plugins(ctx, func(id artifact.Name) error {
		l, err := call[index.Lifecycle](ctx, w.c, http.MethodGet, "/plugins/"+id.String()+"/lifecycle", nil)
		if errors.Is(err, artifact.ErrNotFound) {
			return nil
		}
		w.stated[format.OfPlugin(id).String()] = l.Ledger.Sequence
		return err
	})
}

// plugins are those of the publisher that the catalog shows to the caller, and those
// that leaves told of: a yank may take a plugin out of every list.
func (w *watch) plugins(ctx context.Context, each func(artifact.Name) error) error {
	cl, err := w.c.serverCatalog(ctx)
	if err != nil {
		return err
	}
	names := maps.Clone(w.state.Plugins)
	if names == nil {
		names = map[string]bool{}
	}
	for row, err := range cl.Plugins(ctx, index.Query{Publisher: w.how.publisher}) {
		if err != nil {
			return err
		}
		names[row.ID] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		id, err := artifact.ParseName(name)
		if err != nil || id.Publisher() != w.how.publisher {
			return fmt.Errorf("the catalog says that %.100q is of %s: %w", name, w.how.publisher, artifact.ErrUnverified)
		}
		if err := each(id); err != nil {
			return err
		}
	}
	return nil
}

// omitted holds what the server told to what else it shows: each statement of a
// ledger and each version that is listed has a leaf.
func (w *watch) omitted(ctx context.Context, s watchState) error {
	for name, sequence := range w.stated {
		if told, known := s.Sequences[name]; sequence > told && (known || s.Start == 0) {
			return &lateError{fmt.Sprintf("%s has %d statements, %d of them told", name, sequence, told)}
		}
	}
	cl, err := w.c.serverCatalog(ctx)
	if err != nil {
		return err
	}
	return w.plugins(ctx, func(id artifact.Name) error {
		d, err := cl.Show(ctx, id, index.Query{})
		if errors.Is(err, artifact.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range d.Versions {
			v := &d.Versions[i]
			if s.Published[publishedKey(id.String(), v.Digest)] || !listingOf(&index.VersionDetail{Version: *v}, "").isListed() {
				continue
			}
			if err := w.unseen(ctx, id, v.Version, v.Digest, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// unseen asks for the proof of a version whose leaf was not told: it is older than
// what was looked at, or newer, or was left out.
func (w *watch) unseen(ctx context.Context, id artifact.Name, version string, d digest.Digest, s watchState) error {
	what := fmt.Sprintf("%s@%s (%s) is listed", id, version, d)
	raw, err := w.c.text(ctx, "/api/v1/plugins/"+id.String()+"/versions/"+url.PathEscape(version)+"/proof")
	var p *index.Problem
	switch {
	case errors.As(err, &p) && p.Code == index.CodeUnavailable:
		return &lateError{what}
	case errors.Is(err, artifact.ErrNotFound): // gone meanwhile
		return nil
	case err != nil:
		return err
	}
	proof, err := publog.ParseProof(string(raw))
	if err != nil {
		return kinded{err, artifact.ErrUnverified}
	}
	e, _, err := proof.Verify(w.by)
	if err != nil {
		return err
	}
	if e.Plugin != id.String() || e.Digest != d {
		return fmt.Errorf("%s, and its proof is about %s %s: %w", what, e.Plugin, e.Digest, artifact.ErrUnverified)
	}
	if proof.Index >= s.Start && proof.Index < s.Next {
		return fmt.Errorf("%s, its proof says as leaf %d, and the server did not tell of that leaf: it leaves leaves out: %w",
			what, proof.Index, artifact.ErrUnverified)
	}
	return nil
}

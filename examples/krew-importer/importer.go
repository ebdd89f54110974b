package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/logins"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/registry/remote"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// An importer pushes entries to one registry.
type importer struct {
	flags
	options remote.Options
	journal *journal
	opened  *signature.Key // nil where nothing is signed
}

func newImporter(ctx context.Context, f flags, log io.Writer) (*importer, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	j, err := openJournal(f.journal)
	if err != nil {
		return nil, err
	}
	im := &importer{flags: f, options: o, journal: j}
	if im.sign {
		if im.opened, err = signature.OpenKey(ctx, im.key, signature.EnvPassword(nil)); err != nil {
			return nil, err
		}
	}
	return im, im.checkJournal(ctx, log)
}

// withLogin reads docker's credential store once, not once for each push.
func withLogin(o remote.Options) (remote.Options, error) {
	store, err := logins.Open()
	if err != nil {
		return o, fmt.Errorf("credentials: %w", err)
	}
	o.Credential = credentials.Credential(store)
	return o, nil
}

// checkJournal asks for the last version that the journal calls done: where it
// is not there, the registry is another one than then.
func (im *importer) checkJournal(ctx context.Context, log io.Writer) error {
	if im.journal.last == "" {
		return nil
	}
	_, err := remote.Resolve(ctx, im.journal.last, im.options)
	if errors.Is(err, artifact.ErrNotFound) {
		fmt.Fprintf(log, "krew-importer: %s says that %s is done, the registry does not have it: starting over\n", im.flags.journal, im.journal.last)
		return im.journal.forget()
	}
	return err
}

// all imports every entry. It stops at the first error that is not about the
// entry: a registry that is away, a full disk, an interruption.
func (im *importer) all(ctx context.Context, entries []entry, p *progress) error {
	g, running := errgroup.WithContext(ctx)
	g.SetLimit(im.parallel)
	for i := range entries {
		if running.Err() != nil {
			break
		}
		g.Go(func() error {
			done, err := im.one(running, &entries[i])
			if err != nil {
				return err
			}
			p.add(done)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// one imports an entry. An error means that the outcome is not known.
func (im *importer) one(ctx context.Context, e *entry) (outcome, error) {
	out := outcome{Entry: e.name()}
	plugin, notes, err := convert(im.publisher, e)
	if err != nil {
		out.Reason = err.Error()
		return out, nil
	}
	out.Notes = notes
	v, err := newVersion(plugin)
	if err != nil {
		return out, err
	}
	ref := fmt.Sprintf("%s/%s:%s", im.registry, plugin.ID, plugin.Version.Tag())
	if im.journal.has(ref, v.root.Digest) {
		out.skipped = true
		return out, nil
	}
	err = remote.Push(ctx, v, v.root, ref, im.options)
	if refused(err) {
		out.Reason = err.Error()
		return out, nil
	}
	if err == nil && im.sign {
		_, err = signature.Sign(ctx, signature.SignOptions{Reference: fmt.Sprintf("%s/%s@%s", im.registry, plugin.ID, v.root.Digest),
			Opened: im.opened, Remote: signature.Remote{PlainHTTP: im.plainHTTP, UserAgent: "krew-importer"}})
	}
	if err != nil {
		return out, err
	}
	return out, im.journal.add(ref, v.root.Digest)
}

// refused reports whether the registry understood and said no to this version.
func refused(err error) bool {
	for _, kind := range []error{artifact.ErrInvalid, artifact.ErrConflict, artifact.ErrDenied} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// headReaders is how many ledgers are looked at at once: mostly they wait for
// storage.
const headReaders = 16

// CatchUp makes count what every ledger says that was set before the call. It
// looks at the head of each, which is one read, and derives anew the plugins whose
// ledger stands elsewhere than where it was derived by; a ledger that cannot be
// read has its plugin wait. It returns when all that serves, and everything that
// was touched before. Run must be running. With an error it is not known what may
// still be installed.
func (in *Ingester) CatchUp(ctx context.Context) error {
	refused := in.refused.Load()
	if in.heads.now().Everywhere != in.everywhere() {
		in.TouchAll()
	}
	if in.opts.Ledgers != nil {
		if err := in.catchUpPublishers(ctx); err != nil {
			return fmt.Errorf("ledgers of publishers: %w", err)
		}
		if err := in.catchUpPlugins(ctx); err != nil {
			return fmt.Errorf("ledgers of plugins: %w", err)
		}
	}
	if err := in.Settled(ctx); err != nil {
		return err
	}
	if in.refused.Load() != refused {
		return errors.New("ledgers: a generation that says what they say was refused")
	}
	return nil
}

// catchUpPublishers has the plugins judged again of publishers whose ledger stands
// elsewhere than where they were judged by.
func (in *Ingester) catchUpPublishers(ctx context.Context) error {
	before := in.heads.now().Publishers
	r, err := in.readAndApplyPublishers(ctx)
	switch {
	case err != nil:
		return err
	case r.failed:
		return errors.New("they could not be listed")
	}
	changed := maps.Clone(before)
	for name, s := range r.publishers {
		if at, known := before[name]; known && at == s.List {
			delete(changed, name)
		} else {
			changed[name] = s.List
		}
	}
	base := in.base()
	for name := range changed {
		for p := range base.PluginsOf(name) {
			in.Touch(p.ID.String())
		}
	}
	return nil
}

// catchUpPlugins has the plugins derived again whose ledger stands elsewhere than
// where they were derived by.
func (in *Ingester) catchUpPlugins(ctx context.Context) error {
	before := in.heads.now().Plugins
	var mu sync.Mutex // guards before
	look := func(ctx context.Context, repo string) error {
		at, err := in.head(ctx, repo)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && at == "" && !in.hadLedger(repo) {
			err = in.searchRestored(ctx, repo)
		}
		mu.Lock()
		same := err == nil && before[repo] == at && (at != "" || !in.hadLedger(repo))
		delete(before, repo)
		mu.Unlock()
		if !same {
			in.Doubt(repo)
		}
		return nil
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(headReaders)
	err := in.opts.Source.Repositories(within, func(repo string) error {
		if ours(repo) {
			group.Go(func() error { return look(within, repo) })
		}
		return within.Err()
	})
	if problem := group.Wait(); problem != nil {
		return problem
	}
	if err != nil {
		return fmt.Errorf("repositories: %w", err)
	}
	for repo := range before { // which the walk did not meet
		in.Doubt(repo)
	}
	return nil
}

// head is the list of the ledger of a plugin, "" where it has none.
func (in *Ingester) head(ctx context.Context, repo string) (digest.Digest, error) {
	if in.opts.Head == nil {
		tags, damaged, err := in.tags(ctx, repo)
		if err == nil && len(damaged) > 0 {
			err = errors.New(damaged[0].Reasons[0].Detail)
		}
		return tags[artifact.StateTag], err
	}
	at, err := in.opts.Head(ctx, repo, artifact.StateTag)
	if errors.Is(err, artifact.ErrNotFound) {
		return "", nil
	}
	return at, err
}

// hadLedger reports whether the plugin of repo is remembered to have a ledger. One
// that is gone is looked at, whatever the checkpoint knew of it: the memory is
// newer.
func (in *Ingester) hadLedger(repo string) bool {
	id, err := artifact.ParseName(repo)
	return err == nil && !in.ledgers.head(format.OfPlugin(id)).IsZero()
}

// everywhere names what is withheld now whatever the repository.
func (in *Ingester) everywhere() string {
	if in.opts.Everywhere == nil {
		return ""
	}
	return in.opts.Everywhere()
}

// overtake has the generation of a checkpoint say what the ledgers say that were
// set after it was written, and then serve.
func (in *Ingester) overtake(ctx context.Context) error {
	if in.Ready() || !in.opts.Restored {
		return nil
	}
	began := time.Now()
	if err := in.CatchUp(ctx); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	in.Heard(began)
	in.serve()
	in.log.Info("checkpoint serves", "generation", in.opts.Live.Current().Number, "after", time.Since(began).Round(time.Millisecond))
	return nil
}

// searchRestored is lostLedger for a repository whose plugin serves as a checkpoint
// has it.
func (in *Ingester) searchRestored(ctx context.Context, repo string) error {
	id, err := artifact.ParseName(repo)
	if err != nil {
		return nil // no plugin: it is not derived either
	}
	p, _ := in.base().Plugin(id)
	return in.lostLedger(ctx, id, p)
}

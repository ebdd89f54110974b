package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/auth"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// Readers are who may read ledgers.
type Readers struct {
	Store   Store
	Catalog Catalog
	Rights  Rights
}

// MayRead refuses who may not read the ledger of a publisher: that of a private
// one is for those who may pull from it, and not there for others. One of which
// neither the site nor the catalog knows yet may be private.
func (r Readers) MayRead(ctx context.Context, publisher string) error {
	known, _ := r.Catalog.Publisher(publisher)
	private, err := r.private(ctx, publisher, known.Counts.Publisher)
	if err != nil {
		return err
	}
	if !private {
		_, err := r.Store.Namespace(ctx, publisher)
		if known.Counts.Publisher != nil || err == nil {
			return nil
		}
		if !errors.Is(err, artifact.ErrNotFound) {
			return err
		}
	}
	ctx = auth.With(ctx, auth.LedgerReader(auth.From(ctx)))
	may, err := r.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(publisher+"/"+publisher))
	if err == nil && !may {
		err = fmt.Errorf("ledger of %s: %w", publisher, artifact.ErrNotFound)
	}
	return err
}

// private is what the site says of a namespace that it has, and else what the
// ledger says.
func (r Readers) private(ctx context.Context, name string, p *ledger.Publisher) (bool, error) {
	n, err := r.Store.Namespace(ctx, name)
	switch {
	case err == nil:
		return !n.Public, nil
	case !errors.Is(err, artifact.ErrNotFound):
		return false, err
	}
	return p != nil && p.Private, nil
}

// Refusal is why a ledger may not be set, or nil: the first thing that keeps it
// from being good. It is a *ledger.UnreadError where that could not be told.
func Refusal(got ledger.Judgement) error {
	problems := got.Problems()
	if len(problems) == 0 {
		return nil
	}
	f := problems[0]
	switch {
	case f.Outcome == policy.Unknown:
		return &statements.UnreadError{What: "whether the ledger holds", Why: errors.New(f.Detail)}
	case f.Code == ledger.CodeNotEntitled:
		return fmt.Errorf("%s: %s: %w", f.Code, f.Detail, artifact.ErrDenied)
	}
	fix := ""
	if f.Code == ledger.CodeForged {
		fix = " (a ledger of another registry counts where the trust policy names its key under platforms:)"
	}
	return fmt.Errorf("%s: %s%s: %w", f.Code, f.Detail, fix, artifact.ErrUnverified)
}

// Said is what the ledger of a publisher says of a namespace that the accounts
// do not know, by what the site's own key signed: whether a publisher was
// closed is for the ledger of this site to say, what is closed elsewhere still
// comes here by a mirror. Without a ledger that holds it is private, and what it
// said of being closed while it held goes on. An error means that it could not be
// told what the ledger says: it was not read yet, or cannot be.
func Said(ctx context.Context, name string, from Registry, catalog Catalog, own digest.Digest) (auth.Holding, error) {
	unsaid := auth.Holding{Private: true}
	_, err := from.Resolve(ctx, format.PublishersRepository, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return unsaid, nil
	}
	if err != nil {
		return unsaid, &statements.UnreadError{What: fmt.Sprintf("what the ledger of publisher %s says", name), Why: err}
	}
	standing, ok := catalog.Publisher(name)
	if !ok || standing.Verdict().Outcome() == policy.Unknown { // it may have come just now
		if err := catalog.Settled(ctx); err != nil {
			return unsaid, err
		}
		standing, ok = catalog.Publisher(name)
	}
	verdict, said := standing.Verdict(), standing.Counts.Publisher
	if !ok || verdict.Outcome() == policy.Unknown {
		why := "it was not read yet"
		if reasons := verdict.Reasons(); len(reasons) > 0 {
			why = reasons[0].Detail
		}
		return unsaid, &statements.UnreadError{What: fmt.Sprintf("what the ledger of publisher %s says", name), Why: errors.New(why)}
	}
	if said == nil {
		return unsaid, nil
	}
	h := auth.Holding{Private: said.Private || len(standing.Problems()) > 0}
	if standing.Counts.Platform == own {
		h.PublishingOff = said.PublishingOff
		if said.ClosedAt != nil {
			h.ClosedAt = *said.ClosedAt
		}
	}
	return h, nil
}

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A Catalog knows what is there and what its ledgers say.
type Catalog interface {
	// Plugin is what the newest generation says of a plugin.
	Plugin(id artifact.Name) (*catalog.Plugin, bool)
	// Ledger is what is known of the ledger of a plugin.
	Ledger(ref format.Ref) ledger.State
	// Deleted are the plugins that were.
	Deleted() []artifact.Name
	// Settled returns when what was stored before is known.
	Settled(ctx context.Context) error
	// Current is nil where what it says may be believed, and else why it may not.
	Current() error
}

// Rights say what the caller of ctx may do.
type Rights interface {
	May(ctx context.Context, action auth.Action, on auth.Resource) error
	Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error)
	// Open reports whether everybody may know of a plugin; an error could not tell.
	Open(ctx context.Context, id artifact.Name) (bool, error)
}

// A Registry reads what is stored.
type Registry interface {
	Resolve(ctx context.Context, repo, reference string) (digest.Digest, error)
	Reader(repo string) policy.Reader
}

// Options of a Service. All of them must be given; the zero Clock is the
// system's.
type Options struct {
	Catalog  Catalog
	Registry Registry
	Rights   Rights
	Acts     audit.Log
	Ledger   index.Ledger
	// Deletions know who has a plugin enabled; what anybody has is not deleted.
	Deletions Deletions
	// Emergency says which emergency about a plugin is not over, in words; "" where there
	// is none. One that is proposed is in no ledger yet.
	Emergency func(ctx context.Context, plugin string) (string, error)
	// Erase has what a repository holds go, but for its ledger. What it leaves is
	// made up for later by EraseDeleted.
	Erase func(ctx context.Context, repository string) error
	// Own is the id of the site's own key.
	Own   digest.Digest
	Clock clock.Clock
}

// A Service moves plugins and versions. Its errors are *index.Problem or of a
// kind of artifact.
type Service struct {
	o Options
	// replacing is held from when it is looked where replacements lead until the
	// catalog knows of one more: several at once could close a circle.
	replacing sync.Mutex
	erased    erased
}

// New makes a Service.
func New(o Options) *Service { return &Service{o: o} }

// Lifecycle is where a plugin stands, for who may pull it.
func (s *Service) Lifecycle(ctx context.Context, id artifact.Name) (index.Lifecycle, error) {
	p, err := s.visible(ctx, id)
	if err != nil {
		return index.Lifecycle{}, err
	}
	moves, err := s.told(ctx, p.Moves)
	if err != nil {
		return index.Lifecycle{}, err
	}
	state := s.o.Catalog.Ledger(format.OfPlugin(id))
	out := index.Lifecycle{ID: id.String(), State: index.PluginState(state.Plugin.State()), Moves: moves, Legal: []string{}, Warnings: []string{},
		Ledger: index.LedgerHead{Reference: format.OfPlugin(id).String(), Sequence: state.Head.Sequence, Head: state.Head.Digest,
			Platform: state.Platform.String(), Foreign: state.Platform != "" && state.Platform != s.o.Own}}
	may, err := s.o.Rights.Can(ctx, auth.PluginLifecycle, auth.InRepository(id.String()))
	var who asker
	if err == nil && may && !out.Ledger.Foreign {
		who, err = s.asker(ctx, id)
	}
	out.Choices = choices(state.Plugin, every(p), who, out.Ledger.Foreign)
	out.Legal = legal(out.Choices)
	return out, err
}

// Move makes a move of a plugin.
func (s *Service) Move(ctx context.Context, id artifact.Name, m index.NewMove) (index.Lifecycle, error) {
	if _, err := s.movable(ctx, auth.PluginLifecycle, id); err != nil {
		return index.Lifecycle{}, err
	}
	v, err := check(m)
	if err != nil {
		return index.Lifecycle{}, err
	}
	if m.Replacement != "" {
		s.replacing.Lock()
		defer s.replacing.Unlock()
	}
	if err := s.replaces(ctx, id, m.Replacement); err != nil {
		return index.Lifecycle{}, err
	}
	if err := s.state(ctx, id, m.Move, v.kind, "", v.body(m)); err != nil {
		return index.Lifecycle{}, err
	}
	out, err := s.Lifecycle(ctx, id)
	out.Warnings = warnings(m, s.o.Clock.Now())
	return out, err
}

// Yank has nobody new take a version.
func (s *Service) Yank(ctx context.Context, id artifact.Name, v artifact.Version, why index.VersionMove) (index.Lifecycle, error) {
	return s.version(ctx, id, v, index.MoveYank, format.VersionYanked,
		format.Yanked{Grounds: format.Grounds{Reason: why.Reason, Text: why.Text}, Version: v.String()})
}

// Unyank takes that back.
func (s *Service) Unyank(ctx context.Context, id artifact.Name, v artifact.Version, why index.VersionMove) (index.Lifecycle, error) {
	return s.version(ctx, id, v, index.MoveUnyank, format.VersionUnyanked, format.Unyanked{Version: v.String(), Reason: why.Reason, Text: why.Text})
}

func (s *Service) version(ctx context.Context, id artifact.Name, v artifact.Version, name string, kind format.Kind, body any) (index.Lifecycle, error) {
	p, err := s.movable(ctx, auth.PluginLifecycle, id)
	if err != nil {
		return index.Lifecycle{}, err
	}
	found, ok := p.At(v)
	if !ok || found.Version.String() != v.String() {
		return index.Lifecycle{}, index.NewProblem(index.CodeVersionNotFound, fmt.Sprintf("%s has no version %s", id, v), "see its versions: oarlock show "+id.String())
	}
	if err := s.state(ctx, id, name, kind, found.Digest, body); err != nil {
		return index.Lifecycle{}, err
	}
	out, err := s.Lifecycle(ctx, id)
	if err != nil {
		return out, err
	}
	return s.withVersion(ctx, out, id, v)
}

// withVersion is out with the version that was moved as it stands now, and what
// that means for the channels that point to it.
func (s *Service) withVersion(ctx context.Context, out index.Lifecycle, id artifact.Name, v artifact.Version) (index.Lifecycle, error) {
	p, err := s.visible(ctx, id)
	if err != nil {
		return out, err
	}
	found, ok := p.At(v)
	if !ok {
		return out, fmt.Errorf("%s has no version %s any more: %w", id, v, artifact.ErrConflict)
	}
	out.Version = &index.MovedVersion{Version: v.String(), Digest: found.Digest, State: found.State}
	for _, channel := range slices.Sorted(maps.Keys(p.Channels)) {
		if p.Channels[channel] == found.Digest && found.State == index.VersionYanked {
			out.Warnings = append(out.Warnings, fmt.Sprintf("channel %s points to it, so that it has nothing to install now; "+
				"point it to another: oarlock channel set %s@VERSION %s", channel, id, channel))
		}
	}
	return out, nil
}

// movable is the plugin for who may do something to it. For who may not know of it it is
// not there, as one that nobody has: that he may not is written down, and not told.
func (s *Service) movable(ctx context.Context, action auth.Action, id artifact.Name) (*catalog.Plugin, error) {
	refused := s.o.Rights.May(ctx, action, auth.InRepository(id.String()))
	if refused != nil && (!errors.Is(refused, artifact.ErrDenied) || !auth.From(ctx).LoggedIn()) {
		return nil, refused
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, err
	}
	return p, refused
}

// visible is the plugin for who may pull it, and not there for others.
func (s *Service) visible(ctx context.Context, id artifact.Name) (*catalog.Plugin, error) {
	none := fmt.Errorf("plugin %s: %w", id, artifact.ErrNotFound)
	if err := s.o.Catalog.Current(); err != nil {
		return nil, index.NewProblem(index.CodeUnavailable, err.Error(), "ask again soon; /readyz says when")
	}
	sees, err := s.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(id.String()))
	if err != nil {
		return nil, err
	}
	p, ok := s.o.Catalog.Plugin(id)
	if !sees || !ok {
		return nil, none
	}
	return p, nil
}

// replaces wants a replacement that the caller can see, and no way from it back
// to the plugin.
func (s *Service) replaces(ctx context.Context, id artifact.Name, replacement string) error {
	if replacement == "" {
		return nil
	}
	next, err := artifact.ParseName(replacement)
	if err != nil {
		return fmt.Errorf("replacement: %w", err)
	}
	if err := s.tells(ctx, id, next); err != nil {
		return err
	}
	way := []string{id.String()}
	for range 64 {
		p, err := s.visible(ctx, next)
		if errors.Is(err, artifact.ErrNotFound) && len(way) > 1 {
			return nil // it is not for the caller to know where it goes on
		}
		if err != nil {
			return fmt.Errorf("replacement %s: %w", replacement, err)
		}
		if next == id {
			return index.NewProblem(index.CodeConflict, fmt.Sprintf("the replacements go round in a circle: %s", strings.Join(append(way, id.String()), " → ")), "name a plugin that is not deprecated in favour of this one")
		}
		way = append(way, next.String())
		i := slices.IndexFunc(p.Moves, func(m index.Move) bool { return m.Replacement != "" })
		if i < 0 {
			return nil
		}
		if next, err = artifact.ParseName(p.Moves[i].Replacement); err != nil {
			return nil // the ledger of another time; it leads nowhere
		}
	}
	return index.NewProblem(index.CodeConflict, fmt.Sprintf("replacement %s has itself a replacement, and so on more than 64 times", replacement), "name the last of them")
}

// tells refuses a private replacement of a plugin of another namespace: the move is
// signed and shown to all who may pull the plugin, for good, and they need not know
// that the other is there. To who does not see it, it is not found.
func (s *Service) tells(ctx context.Context, id, replacement artifact.Name) error {
	_, err := s.visible(ctx, replacement)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("replacement %s is not here, or not for you", replacement),
			"look for it: oarlock search "+replacement.Plugin(), "name no replacement, and say in --guide or --text where to go")
	case err != nil:
		return fmt.Errorf("replacement %s: %w", replacement, err)
	}
	if replacement.Publisher() == id.Publisher() {
		return nil
	}
	switch open, err := s.o.Rights.Open(ctx, replacement); {
	case err != nil:
		return fmt.Errorf("replacement %s: %w", replacement, err)
	case !open:
		return index.NewProblem(index.CodeConflict, fmt.Sprintf("replacement %s is private, and the notice is shown to all who may pull %s: its name would be told to who may not know of it", replacement, id),
			"name a plugin that everybody may pull, or one of the same publisher", "open its namespace first: oarlock publisher configure "+replacement.Publisher()+" --private=false", "say in --text or --guide where to ask")
	}
	return nil
}

// History gives at most limit statements of a plugin's ledger after a sequence
// number, for who may pull the plugin.
func (s *Service) History(ctx context.Context, id artifact.Name, after, limit int) (index.LedgerPage, error) {
	p, err := s.visible(ctx, id)
	if err != nil {
		return index.LedgerPage{}, err
	}
	ref := format.OfPlugin(id)
	at, err := s.o.Registry.Resolve(ctx, ref.Repository(), ref.Tag())
	if errors.Is(err, artifact.ErrNotFound) {
		if known := s.o.Catalog.Ledger(ref).Head.Sequence; known > 0 || p.Standing().Unknown {
			return index.LedgerPage{}, index.NewProblem(index.CodeUnavailable, fmt.Sprintf("the ledger %s, of which %d statements are known, is gone", ref, known),
				"ask the operator to look at it: oarlock fsck")
		}
		return index.LedgerPage{Items: []index.LedgerStatement{}}, nil
	}
	if err != nil {
		return index.LedgerPage{}, err
	}
	page, err := statements.Page(ctx, s.o.Registry.Reader(ref.Repository()), at, s.o.Catalog.Ledger(ref).Head.Sequence, after, limit)
	if err == nil {
		err = s.tellPage(ctx, page.Items)
	}
	if err != nil {
		return index.LedgerPage{}, err
	}
	return page, nil
}

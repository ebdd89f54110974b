package upkeep

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry/block"
)

// Emergencies are proposed and taken back.
type Emergencies interface {
	// Block proposes one, by whatever reason.
	Block(ctx context.Context, n index.NewEmergency, code string) (index.Emergency, error)
	Undo(ctx context.Context, id string, why index.EmergencyStep) (index.Emergency, error)
	// Holding names the emergency that keeps something from being pulled, or "".
	Holding(ctx context.Context, repository string, d digest.Digest) (string, error)
	// Known reports whether there is a record of an emergency, and whether it is proposed.
	Known(ctx context.Context, id string) (known, proposed bool, err error)
}

// blockFor is how long a block holds at the most.
const blockFor = 24 * time.Hour

// Blocked implements api.Blocks.
func (s Service) Blocked(ctx context.Context) ([]index.Block, error) {
	if err := s.mayBlock(ctx, ""); err != nil {
		return nil, err
	}
	list, err := s.Stored.Blocks.Blocked(ctx)
	out := make([]index.Block, len(list))
	for i, b := range list {
		out[i] = asBlock(b)
		known, proposed := false, false
		if b.Emergency != "" && err == nil {
			known, proposed, err = s.Emergencies.Known(ctx, b.Emergency)
		}
		out[i].HeldBy = heldBy(b, known, proposed)
	}
	return out, err
}

// heldBy says what holds b.
func heldBy(b block.Block, known, proposed bool) string {
	switch {
	case proposed:
		return index.HeldByProposal
	case known:
		return index.HeldByEmergency
	case b.Until.IsZero():
		return index.HeldByNobody
	}
	return index.HeldByHand
}

// Block implements api.Blocks: a proposal of an emergency, where one can name it.
func (s Service) Block(ctx context.Context, r index.BlockRequest) (index.Block, error) {
	if err := s.mayBlock(ctx, r.Repository); err != nil {
		return index.Block{}, err
	}
	b, err := s.named(ctx, r.Repository, r.Reference)
	if err != nil {
		return index.Block{}, err
	}
	if b.Repository != "" {
		// A name that nothing was pushed to, such as that of a publisher, would
		// be blocked in words and keep nothing from being pulled.
		// Where that cannot be told, the block goes on: it is an act of safety.
		if known, err := s.Stored.Storage.Known(ctx, b.Repository); err == nil && !known {
			return index.Block{}, fmt.Errorf("block: repository %q: nothing was pushed to it; expected one such as acme/hello: %w", b.Repository, artifact.ErrNotFound)
		}
	}
	b.Code, b.Reason, b.By = r.Code, r.Reason, auth.From(ctx).Name
	if s.isPlugins(ctx, b) {
		return s.propose(ctx, b)
	}
	if b.Until, err = s.until(ctx, b); err != nil {
		return index.Block{}, err
	}
	err = s.Acts.Do(ctx, audit.Act{Action: auth.PluginEmergency, On: resourceOf(b.Repository), Needs: needs(b.Repository), Planned: asBlock(b)},
		func(ctx context.Context) (_ any, err error) {
			b, err = s.Stored.Blocks.Block(ctx, b)
			return nil, err
		})
	out := asBlock(b)
	out.HeldBy = index.HeldByHand
	return out, err
}

// isPlugins reports whether an emergency can name it: a manifest of a plugin, or a plugin
// that has some. Where that cannot be told, it is blocked by hand.
func (s Service) isPlugins(ctx context.Context, b block.Block) bool {
	if _, err := artifact.ParseName(b.Repository); err != nil {
		return false
	}
	var all []digest.Digest
	var err error
	if b.Digest == "" {
		all, err = s.Stored.AllManifests(ctx, b.Repository)
	} else {
		all, err = s.Stored.Manifests(ctx, b.Repository, b.Digest)
	}
	return err == nil && len(all) > 0
}

// propose has b held by an emergency that is proposed.
func (s Service) propose(ctx context.Context, b block.Block) (index.Block, error) {
	n := index.NewEmergency{Plugin: b.Repository, Reason: b.Reason, All: b.Digest == "", Digest: b.Digest}
	if v, err := artifact.ParseTag(b.Tag); err == nil && v.Kind() == artifact.TagVersion {
		n.Version, n.Digest = v.Version().String(), ""
	}
	e, err := s.Emergencies.Block(ctx, n, b.Code)
	if err != nil {
		return index.Block{}, err
	}
	held, _, err := s.Stored.Blocks.Named(ctx, b)
	out := asBlock(held)
	out.Tag, out.Emergency, out.HeldBy, out.Until = b.Tag, e.ID, index.HeldByProposal, e.ExpiresAt
	return out, err
}

// until is when a block of the same ends: what is blocked again while it is blocked ends
// when it would have.
func (s Service) until(ctx context.Context, b block.Block) (time.Time, error) {
	end := s.Now().UTC().Add(blockFor)
	was, is, err := s.Stored.Blocks.Named(ctx, b)
	if err != nil || !is || !was.Until.IsZero() && was.Until.After(end) {
		return end, err
	}
	return was.Until, nil
}

// Unblock implements api.Blocks. A proposal is taken back by whom it is taken back.
func (s Service) Unblock(ctx context.Context, repository, reference string) error {
	if err := s.mayBlock(ctx, repository); err != nil {
		return err
	}
	b, err := s.named(ctx, repository, reference)
	if err != nil {
		return err
	}
	id, err := s.Emergencies.Holding(ctx, b.Repository, b.Digest)
	if err != nil {
		return fmt.Errorf("whether an emergency holds it: %w", err)
	}
	if id != "" {
		return s.takeBack(ctx, id)
	}
	if _, is, err := s.Stored.Blocks.Named(ctx, b); err == nil && !is {
		return s.Stored.Blocks.Unblock(ctx, b) // which says so
	}
	return s.Acts.Do(ctx, audit.Act{Action: audit.BlockLift, On: resourceOf(repository), Needs: needs(repository), Before: asBlock(b)},
		func(ctx context.Context) (any, error) { return nil, s.Stored.Blocks.Unblock(ctx, b) })
}

// takeBack takes a proposal back. What an emergency holds that is in force is let go by the
// people that it takes.
func (s Service) takeBack(ctx context.Context, id string) error {
	_, proposed, err := s.Emergencies.Known(ctx, id)
	if err != nil {
		return fmt.Errorf("emergency %s: %w", id, err)
	}
	if !proposed {
		return index.NewProblem(index.CodeConflict, fmt.Sprintf("emergency %s holds it, so that no block of it is lifted", id),
			"undo the emergency: oarlock emergency-remove undo "+id)
	}
	e, err := s.Emergencies.Undo(ctx, id, index.EmergencyStep{})
	if err == nil && e.State == index.EmergencyProposed {
		err = index.NewProblem(index.CodeSecondPerson,
			fmt.Sprintf("emergency %s holds it, of %s, and takes another person's word to be taken back; yours is written down", id, e.ProposedBy),
			"ask another admin, within a day: oarlock emergency-remove undo "+id)
	}
	return err
}

func (s Service) mayBlock(ctx context.Context, repository string) error {
	r := needs(repository)
	if s.Acts.May == nil {
		return fmt.Errorf("%s on %s: nobody says who may: %w", r.Action, r.On, artifact.ErrDenied)
	}
	return s.Acts.May(ctx, r.Action, r.On)
}

// needs is the right that a block takes: what is blocked in every repository is
// for those who manage the site.
func needs(repository string) *audit.Right {
	if repository == "" {
		return &audit.Right{Action: auth.SiteManage, On: auth.Site()}
	}
	return &audit.Right{Action: auth.PluginEmergency, On: auth.InRepository(repository)}
}

// named finds what a reference means: a digest, a version or another tag.
func (s Service) named(ctx context.Context, repository, reference string) (block.Block, error) {
	b := block.Block{Repository: repository}
	switch {
	case reference == "":
		if repository == "" {
			return b, fmt.Errorf("neither repository nor digest: %w", artifact.ErrInvalid)
		}
		return b, nil
	case strings.Contains(reference, ":"):
		b.Digest = digest.Digest(reference)
		return b, nil
	case repository == "":
		return b, fmt.Errorf("reference %q: without a repository only a digest can be named: %w", reference, artifact.ErrInvalid)
	}
	b.Tag = reference
	if v, err := artifact.ParseVersion(reference); err == nil {
		b.Tag = v.Tag()
	}
	var err error
	b.Digest, err = s.Stored.Storage.Resolve(ctx, repository, b.Tag)
	return b, err
}

func resourceOf(repository string) auth.Resource {
	if repository == "" {
		return auth.Site()
	}
	return auth.InRepository(repository)
}

func asBlock(b block.Block) index.Block {
	return index.Block{Repository: b.Repository, Digest: b.Digest.String(), Tag: b.Tag, Code: b.Code, Reason: b.Reason,
		By: b.By, At: b.At, Emergency: b.Emergency, Covers: len(b.Covers),
		Until: index.MomentOf(b.Until)}
}

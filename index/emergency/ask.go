package emergency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// maxText bounds what people write, in bytes.
const maxText = 4096

// defaultUndo is why an emergency is undone where nobody says why.
const defaultUndo = format.ReasonByRequest

// grounded holds a reason to the closed list, and a text to its bounds.
func grounded(reason, text string) error {
	switch {
	case reason == "":
		return fmt.Errorf("no reason came: expected one of %s: %w", strings.Join(format.Reasons(), ", "), artifact.ErrInvalid)
	case !slices.Contains(format.Reasons(), reason):
		return fmt.Errorf("reason %.80q: expected one of %s: %w", reason, strings.Join(format.Reasons(), ", "), artifact.ErrInvalid)
	}
	if err := artifact.CheckText(text, maxText); err != nil {
		return fmt.Errorf("text: %w", err)
	}
	return nil
}

// target is what n names, with every digest that goes with it.
func (s *Service) target(ctx context.Context, n index.NewEmergency) (Record, error) {
	id, err := artifact.ParseName(n.Plugin)
	if err != nil {
		return Record{}, err
	}
	if err := grounded(n.Reason, n.Text); err != nil {
		return Record{}, err
	}
	named := 0
	for _, is := range []bool{n.Version != "", n.Digest != "", n.All} {
		if is {
			named++
		}
	}
	if named != 1 {
		return Record{}, fmt.Errorf("emergency of %s: expected exactly one of version, digest and all_versions, and %d came: %w", id,
			named, artifact.ErrInvalid)
	}
	r := Record{Plugin: id.String(), Body: Body{Version: n.Version, Named: n.Digest, All: n.All, Reason: n.Reason, Text: n.Text, Soft: n.Soft}}
	if n.Version != "" {
		if r.Body.Named, err = s.version(ctx, id, n.Version); err != nil {
			return Record{}, err
		}
	}
	if n.All {
		if r.Body.Digests, err = s.o.Registry.AllManifests(ctx, id.String()); err == nil && len(r.Body.Digests) == 0 {
			err = artifact.ErrNotFound
		}
		if errors.Is(err, artifact.ErrNotFound) {
			return Record{}, index.NewProblem(index.CodeNotFound, fmt.Sprintf("%s has no version", id), "check the spelling: oarlock search "+id.Publisher())
		}
		return r, err
	}
	if err := r.Body.Named.Validate(); err != nil {
		return Record{}, fmt.Errorf("digest %.100q: expected sha256:… : %w", r.Body.Named, artifact.ErrInvalid)
	}
	r.Body.Digests, err = s.o.Registry.Manifests(ctx, id.String(), r.Body.Named)
	if errors.Is(err, artifact.ErrNotFound) {
		return Record{}, index.NewProblem(index.CodeNotFound, fmt.Sprintf("%s has no manifest %s", id, r.Body.Named),
			"see its versions and their platforms: oarlock show "+id.String()+" --output json",
			"a digest that is not here yet is kept from coming: oarlock block "+r.Body.Named.String())
	}
	return r, err
}

// upToNow are the digests that r names, with what was pushed since where it names all
// versions. None that was there goes: it may be elsewhere.
func (s *Service) upToNow(ctx context.Context, r Record) ([]digest.Digest, error) {
	if !r.Body.All || r.State != index.EmergencyRequested && r.State != index.EmergencyProposed {
		return r.Body.Digests, nil
	}
	now, err := s.o.Registry.AllManifests(ctx, r.Plugin)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return nil, err
	}
	all := slices.Concat(r.Body.Digests, now)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// all are the emergencies of a plugin in some states; an error also where one of them is
// damaged, and then the others are given.
func (s *Service) all(ctx context.Context, plugin string, states ...index.EmergencyState) ([]Record, error) {
	out, damaged, err := s.readable(ctx, plugin, states...)
	return out, errors.Join(err, damaged)
}

// readable are those of them that can be read; damaged says which cannot.
func (s *Service) readable(ctx context.Context, plugin string, states ...index.EmergencyState) (out []Record, damaged, err error) {
	for before := ""; ; {
		page, err := s.o.Store.Emergencies(ctx, plugin, states, before, pageOf)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range page {
			if why := r.Unreadable(); why != nil {
				damaged = errors.Join(damaged, why)
				continue
			}
			out = append(out, r)
		}
		if len(page) < pageOf {
			return out, damaged, nil
		}
		before = page[len(page)-1].ID
	}
}

// version is the digest of a version.
func (s *Service) version(ctx context.Context, id artifact.Name, text string) (digest.Digest, error) {
	v, err := artifact.ParseVersion(text)
	if err != nil {
		return "", err
	}
	d, err := s.o.Registry.Resolve(ctx, id.String(), v.Tag())
	if errors.Is(err, artifact.ErrNotFound) {
		return "", index.NewProblem(index.CodeVersionNotFound, fmt.Sprintf("%s has no version %s", id, v), "see its versions: oarlock show "+id.String())
	}
	return d, err
}

// what names what r is about, as a person would.
func (r Record) what() string {
	switch {
	case r.Body.All:
		return r.Plugin + " --all-versions"
	case r.Body.Version != "":
		return r.Plugin + "@" + r.Body.Version
	}
	return r.Plugin + "@" + r.Body.Named.String()
}

// auditedDigests is how many digests a row of the audit log names; the statement has all.
const auditedDigests = 64

// audited is r as the audit log has it.
func (r Record) audited() map[string]any {
	return map[string]any{"emergency": r.ID, "state": r.State, "of": r.what(), "digests": r.Body.Digests[:min(len(r.Body.Digests), auditedDigests)],
		"digests_total": len(r.Body.Digests), "reason": r.Body.Reason,
		"text": r.Body.Text, "soft": r.Body.Soft,
		"words": people(r.Body.Words), "undo": people(r.Body.Undo), "undo_reason": r.Body.UndoReason, "undo_text": r.Body.UndoText}
}

// sees reports whether the caller may know of the emergencies of a plugin: who may
// declare one, and its owners.
func (s *Service) sees(ctx context.Context, plugin string) (bool, error) {
	on := auth.InRepository(plugin)
	for _, right := range []audit.Right{{Action: auth.PluginEmergency, On: on}, {Action: auth.PluginLifecycle, On: on},
		{Action: auth.SiteManage, On: auth.Site()}} { // the last also where nobody has the namespace
		if may, err := s.o.Rights.Can(ctx, right.Action, right.On); err != nil || may {
			return may, err
		}
	}
	return false, nil
}

// Emergency is one, for admins and for the owners of its plugin.
func (s *Service) Emergency(ctx context.Context, id string) (index.Emergency, error) {
	if _, err := auth.Caller(ctx); err != nil {
		return index.Emergency{}, err
	}
	r, err := s.record(ctx, id)
	if err != nil {
		return index.Emergency{}, err
	}
	if sees, err := s.sees(ctx, r.Plugin); err != nil || !sees {
		return index.Emergency{}, errors.Join(err, missing(id, artifact.ErrNotFound))
	}
	return s.answer(ctx, r)
}

// answer is r with who could speak besides, and until when what was given out is good.
func (s *Service) answer(ctx context.Context, r Record) (index.Emergency, error) {
	now := s.o.Clock.Now()
	out := r.told(s.o.Approvers, now)
	words := r.Body.Words
	if undo := r.undoing(now); len(undo) > 0 {
		words = undo
	}
	var err error
	if !r.State.Over() {
		out.MayConfirm, err = s.voices.others(ctx, people(words))
	}
	out.SignedURLsUntil = s.urlsUntil(r, now)
	return out, err
}

// Holding names the emergency that keeps a manifest of a plugin, or all of it where d is
// "", from being pulled; "" where none does.
func (s *Service) Holding(ctx context.Context, plugin string, d digest.Digest) (string, error) {
	held, err := s.all(ctx, plugin, index.EmergencyProposed, index.EmergencyConfirmed, index.EmergencyInForce)
	if err != nil {
		return "", err
	}
	for _, r := range held {
		for _, h := range r.holds() {
			if h.Digest == d && !r.expired(s.o.Clock.Now()) {
				return r.ID, nil
			}
		}
	}
	return "", nil
}

// done does what follows from what was decided of an emergency, and answers how far it
// is. What is not held yet is no answer: first says that this is what was asked for.
func (s *Service) done(ctx context.Context, id string, first bool) (index.Emergency, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	r, err := s.o.Store.Emergency(bounded, id)
	if err == nil && r.State.Holds() && !r.Body.Settled {
		// At once, and again by the job: that may wait for the lease of one who died.
		err = s.holdStill(bounded, r)
	}
	effect := "it holds here already, and what else follows from it is tried again"
	if err != nil {
		effect = "it is not in effect yet, which is tried again"
	}
	for {
		ended := s.o.Jobs.Ended(JobKind) // by a worker of this server, which has the job already
		drained := s.o.Jobs.Drain(bounded, JobKind)
		var err error
		if r, err = s.o.Store.Emergency(bounded, id); err != nil {
			return index.Emergency{}, fmt.Errorf("emergency %s is written down, and how far it is could not be told: %w", id, err)
		}
		if r.Body.Settled || drained != nil && r.Body.Problem != "" {
			break
		}
		timer := s.o.Clock.NewTimer(settleEvery)
		select {
		case <-ended:
		case <-timer.C:
		case <-bounded.Done():
		}
		timer.Stop()
		if bounded.Err() != nil {
			break
		}
	}
	if first && !r.Body.Settled {
		return index.Emergency{}, index.NewProblem(index.CodeUnavailable,
			strings.TrimSuffix(fmt.Sprintf("emergency %s is written down; %s: %s", id, effect, r.Body.Problem), ": "), "see how far it is: oarlock emergency-remove list "+id)
	}
	return s.answer(ctx, r)
}

// WarnOfTooFew says in the log where a site has fewer admins who are people than an
// emergency takes: nobody could confirm one.
func (s *Service) WarnOfTooFew(ctx context.Context) {
	if s.voices.anyone != "" {
		return
	}
	all, err := s.o.People.People(ctx)
	if err != nil {
		s.o.Logger.WarnContext(ctx, "emergency: whether there are enough admins could not be told", "err", err)
		return
	}
	n := 0
	for _, p := range all {
		if isAdmin(p) {
			n++
		}
	}
	if n < s.o.Approvers {
		s.o.Logger.WarnContext(ctx, "emergency: too few admins who are people: one can be proposed, and nobody can confirm it; "+
			"make accounts of other admins, or set approvers: 1 at a site of one",
			"approvers", s.o.Approvers, "admins", n)
	}
}

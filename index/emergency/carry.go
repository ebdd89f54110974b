package emergency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// JobKind is the kind of the jobs that do what follows from an emergency's state.
// Their key is the plugin, so that no two change what is held of one at once.
const JobKind = "emergency"

// lapser is who has emergencies end by themselves.
var lapser = auth.NewProcess("emergency")

// NewJobKind is how jobs are done, by who is asked when one is due. They are never
// given up: until they are done, what an emergency names stays held.
func NewJobKind(do func(ctx context.Context, id string) error) jobs.Kind {
	return jobs.Kind{
		Name: JobKind, Workers: 4, Lease: 30 * time.Second, First: 250 * time.Millisecond, Longest: 10 * time.Second,
		Do: func(ctx context.Context, a jobs.Attempt) error { return do(ctx, string(a.Payload)) },
	}
}

// job is the one that does what follows from r, from at on.
func job(r Record, now, at time.Time) jobs.Job {
	return jobs.Job{Kind: JobKind, Key: r.Plugin, Payload: []byte(r.ID), AskedAt: now, At: at}
}

// Resume holds, before anything is served, what was decided and not done when the
// process before this one ended: no pull comes in between. The rest is for the jobs.
func (s *Service) Resume(ctx context.Context) {
	open, err := s.all(ctx, "", index.EmergencyProposed, index.EmergencyConfirmed, index.EmergencyInForce)
	for _, r := range open { // one that is damaged, or cannot be held now, keeps no other from being held
		if !r.Body.Settled && !r.expired(s.o.Clock.Now()) {
			err = errors.Join(err, s.holdStill(ctx, r))
		}
	}
	if err != nil {
		s.o.Logger.ErrorContext(ctx, "emergency: what was decided before this start is not all held yet, it is tried again", "alert", true, "err", err)
	}
}

// holdStill is hold outside of the job of r: what was let go meanwhile is let go again.
func (s *Service) holdStill(ctx context.Context, r Record) error {
	if err := s.hold(ctx, r); err != nil {
		return err
	}
	now, err := s.o.Store.Emergency(ctx, r.ID)
	if err != nil || !now.State.Over() {
		return err
	}
	return s.release(ctx, now)
}

// Carry does what follows from the state of an emergency. It may be done twice.
func (s *Service) Carry(ctx context.Context, id string) error {
	r, err := s.o.Store.Emergency(ctx, id)
	if err == nil && r.expired(s.o.Clock.Now()) {
		r, err = s.lapse(ctx, id)
	}
	if err != nil || r.Body.Settled {
		return err
	}
	switch {
	case r.State == index.EmergencyRequested:
		return s.settled(ctx, r, nil)
	case r.State == index.EmergencyConfirmed:
		if err = s.hold(ctx, r); err == nil {
			err = s.declare(ctx, r)
		}
	case r.State.Holds():
		if err = s.hold(ctx, r); err == nil {
			err = s.settled(ctx, r, nil)
		}
	default:
		if err = s.retract(ctx, r); err == nil {
			err = s.release(ctx, r)
		}
		if err == nil {
			err = s.settled(ctx, r, nil)
		}
	}
	if err != nil {
		s.tellProblem(ctx, r, err)
	}
	return err
}

// lapse ends what nobody took up in time.
func (s *Service) lapse(ctx context.Context, id string) (r Record, err error) {
	err = s.o.Tx.InTx(ctx, func(ctx context.Context) error {
		if r, err = s.lockedID(ctx, id); err != nil || !r.expired(s.o.Clock.Now()) {
			return err
		}
		before := r.State
		s.become(&r, index.EmergencyLapsed)
		if err := s.o.Store.ChangeEmergency(ctx, r); err != nil {
			return err
		}
		r.Revision++
		return s.o.Log.Note(ctx, lapser, ActLapse, auth.InRepository(r.Plugin), map[string]any{"emergency": r.ID, "state": before},
			map[string]any{"emergency": r.ID, "state": r.State})
	})
	return r, err
}

// become gives r another state, of which all is still to be done.
func (s *Service) become(r *Record, state index.EmergencyState) {
	now := s.now()
	r.State, r.Body.Settled, r.Body.Problem, r.Body.Changed = state, false, "", now
	switch {
	case state == index.EmergencyConfirmed:
		r.Body.ConfirmedAt = now
	case state.Over():
		r.Body.EndedAt = now
	}
}

// settled writes down that all is done that follows from the state of r, and whatever
// change does besides. Where r changed since, the job of that change goes on.
func (s *Service) settled(ctx context.Context, r Record, change func(*Record)) error {
	if err := s.o.Catalog.Settled(ctx); err != nil {
		return err
	}
	step := r.State
	if change != nil {
		change(&r)
	}
	r.Body.Settled, r.Body.Problem = true, ""
	if step.Holds() && r.Body.HeldAt.IsZero() {
		r.Body.HeldAt = s.now()
	}
	err := s.o.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := s.o.Store.ChangeEmergency(ctx, r); err != nil || r.State == step {
			return err
		}
		return s.o.Notices.Note(ctx, r)
	})
	if err != nil {
		return err
	}
	s.o.Notices.Wake()
	s.o.Took(string(step), s.o.Clock.Since(r.Body.Changed))
	s.o.Changed(r.Body.Changed)
	return nil
}

// tellProblem writes down what keeps r from being done, for who looks at it.
func (s *Service) tellProblem(ctx context.Context, r Record, why error) {
	if now, err := s.o.Store.Emergency(ctx, r.ID); err == nil && now.Revision != r.Revision {
		s.o.Logger.InfoContext(ctx, "emergency: it changed while a step was done, and the step of the change goes on", "emergency", r.ID,
			"plugin", r.Plugin, "step", string(r.State), "state", string(now.State), "err", why)
		return
	}
	s.o.Logger.ErrorContext(ctx, "emergency: a step is not done, it is tried again", "alert", true, "emergency", r.ID, "plugin", r.Plugin,
		"state", string(r.State), "err", why)
	r.Body.Problem = index.ProblemOf(why).Detail
	if err := s.o.Store.ChangeEmergency(context.WithoutCancel(ctx), r); err != nil && !errors.Is(err, artifact.ErrConflict) {
		s.o.Logger.WarnContext(ctx, "emergency: what keeps it from being done was not written down", "emergency", r.ID, "err", err)
	}
}

// holds are what r keeps from being pulled: what it names, or the whole repository.
func (r Record) holds() []Hold {
	reason := fmt.Sprintf("emergency %s: %s", r.ID, r.Body.Reason)
	if r.Body.Text != "" {
		reason += ": " + r.Body.Text
	}
	one := Hold{Repository: r.Plugin, Emergency: r.ID, Reason: reason, By: r.Body.ProposedBy, At: r.Body.ProposedAt}
	if r.State == index.EmergencyProposed {
		one.Until = r.Body.ExpiresAt
		if one.Code = r.Body.Code; one.Code != "" && r.Body.Text != "" {
			one.Reason = r.Body.Text
		}
	}
	if r.Body.All {
		return []Hold{one}
	}
	var out []Hold
	for _, d := range r.Body.Digests {
		one.Digest, one.Tag = d, ""
		if v, err := artifact.ParseVersion(r.Body.Version); err == nil && d == r.Body.Named {
			one.Tag = v.Tag()
		}
		out = append(out, one)
	}
	return out
}

// hold keeps what r names from being pulled. What somebody blocked by hand stays his,
// since it is to stay when the emergency is over.
func (s *Service) hold(ctx context.Context, r Record) error {
	for _, h := range r.holds() {
		have, is, err := s.o.Holds.Held(ctx, h)
		if err != nil {
			return fmt.Errorf("hold: %w", err)
		}
		if is && (have.Emergency != r.ID || have.Until.Equal(h.Until)) { // by hand, or by another emergency, which hands it on when it is over
			continue
		}
		if err := s.o.Holds.Hold(ctx, h); err != nil && !errors.Is(err, artifact.ErrUnverified) {
			return fmt.Errorf("hold: %w", err)
		}
	}
	return nil
}

// release lets be pulled again what r held and no other emergency holds.
func (s *Service) release(ctx context.Context, r Record) error {
	others, err := s.all(ctx, r.Plugin, index.EmergencyProposed, index.EmergencyConfirmed, index.EmergencyInForce)
	if err != nil {
		return err
	}
	for _, h := range r.holds() {
		have, is, err := s.o.Holds.Held(ctx, h)
		switch {
		case err != nil:
			return fmt.Errorf("release: %w", err)
		case is && have.Emergency != r.ID && r.Body.Source == index.EmergencyOfLedger:
			if is, err = s.orphan(ctx, have); err != nil {
				return fmt.Errorf("release: %w", err)
			}
		case is:
			is = have.Emergency == r.ID
		}
		if !is {
			continue
		}
		if next, is := heirOf(h, others); is {
			err = s.o.Holds.Hold(ctx, next)
		} else {
			err = s.o.Holds.Release(ctx, h)
		}
		if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
			return fmt.Errorf("release: %w", err)
		}
	}
	return nil
}

// heirOf is how another emergency holds the same.
func heirOf(h Hold, others []Record) (Hold, bool) {
	for _, o := range others {
		for _, one := range o.holds() {
			if one.Digest == h.Digest && o.ID != h.Emergency {
				return one, true
			}
		}
	}
	return Hold{}, false
}

// perStatement is how many digests one statement names: an envelope has an end.
const perStatement = 1500

// declare states a confirmed emergency in the plugin's ledger.
func (s *Service) declare(ctx context.Context, r Record) error {
	stated, err := s.declared(ctx, r)
	if errors.Is(err, statements.ErrForeign) {
		return s.settled(ctx, r, func(r *Record) { r.State, r.Body.SiteOnly = index.EmergencyInForce, true })
	}
	if err != nil {
		return err
	}
	return s.settled(ctx, r, func(r *Record) { r.State, r.Body.Statements = index.EmergencyInForce, stated })
}

// declared are the statements that declare r, which are appended where they are not
// there yet.
func (s *Service) declared(ctx context.Context, r Record) (stated []digest.Digest, err error) {
	by := people(r.Body.Words)
	for i, part := range slices.Collect(slices.Chunk(r.Body.Digests, perStatement)) {
		d, err := s.append(ctx, r, format.EmergencyDeclared, fmt.Sprintf("declared %d", i), by, r.Body.ConfirmedAt, format.Emergency{
			Grounds: format.Grounds{Reason: r.Body.Reason, Text: r.Body.Text}, Digests: part, All: r.Body.All &&
				i == 0, Soft: r.Body.Soft, ApprovedBy: append([]string{}, by[1:]...),
		})
		if err != nil {
			return nil, err
		}
		stated = append(stated, d)
	}
	return stated, nil
}

// retract states the end of an emergency that the ledger knows. Whether it knows one that
// was undone while it was being declared nobody can tell, so that is declared first.
func (s *Service) retract(ctx context.Context, r Record) error {
	if r.State != index.EmergencyUndone || r.Body.SiteOnly {
		return nil
	}
	stated := r.Body.Statements
	if len(stated) == 0 {
		var err error
		if stated, err = s.declared(ctx, r); errors.Is(err, statements.ErrForeign) {
			return nil
		} else if err != nil {
			return err
		}
	}
	by := people(r.Body.Undo)
	for i, of := range stated {
		_, err := s.append(ctx, r, format.EmergencyUndone, fmt.Sprintf("undone %d", i), by, r.Body.EndedAt, format.EmergencyEnd{
			Grounds: format.Grounds{Reason: r.Body.UndoReason, Text: r.Body.UndoText}, Of: of, ApprovedBy: append([]string{}, by[1:]...),
		})
		if errors.Is(err, statements.ErrRefused) && errors.Is(err, artifact.ErrNotFound) {
			continue // the ledger knows the end already: the record is of an older database
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// append states once, however often it is asked for.
func (s *Service) append(ctx context.Context, r Record, kind format.Kind, step string, by []string, since time.Time, body any) (digest.Digest, error) {
	id, err := artifact.ParseName(r.Plugin)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	entry, err := s.o.Ledger.Append(ctx, index.NewStatement{
		Ledger: format.OfPlugin(id), Kind: kind, Actor: by[0], Role: format.RolePlatform, Body: raw, ID: statements.IDOf("emergency", r.ID, step), Since: since,
	})
	return entry.Head.Digest, err
}

package emergency

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// The acts that are written down besides auth.PluginEmergency, which is a proposal.
const (
	ActRequest = audit.EmergencyRequest
	ActConfirm = audit.EmergencyConfirm
	ActUndo    = audit.EmergencyUndo
	ActLapse   = audit.EmergencyLapse
)

const (
	// proposalFor is how long a proposal holds, and requestFor how long a request waits.
	proposalFor = 24 * time.Hour
	requestFor  = 7 * 24 * time.Hour
	// undoFor is how long one person's word for the end of an emergency waits for the
	// other one.
	undoFor = 24 * time.Hour
	// maxRequests is how many requests one account may have waiting for one plugin.
	maxRequests = 3
	// maxWaiting is how many requests one account may have waiting at all.
	maxWaiting = 10
	// pageOf is how many emergencies are read at once.
	pageOf = 500
	// settleWithin bounds what a call waits for what follows from it, and settleEvery is
	// how often it looks where another does it.
	settleWithin = 10 * time.Second
	settleEvery  = 20 * time.Millisecond
)

// A Service proposes, confirms and undoes emergencies. Its errors are *index.Problem or
// of a kind of artifact.
type Service struct {
	o      Options
	voices voices
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{o: o, voices: voices{people: o.People, now: o.Clock.Now, anyone: o.AnyoneUnsafe}}
}

func (s *Service) now() time.Time { return s.o.Clock.Now().UTC().Truncate(time.Microsecond) }

// Propose keeps what n names from being pulled, or asks the admins to.
func (s *Service) Propose(ctx context.Context, n index.NewEmergency) (index.Emergency, error) {
	return s.proposeBy(ctx, n, "")
}

// Block proposes what n names, whatever reason it is given: one that is no code is told
// as text. code is what programs are told that want to pull it.
func (s *Service) Block(ctx context.Context, n index.NewEmergency, code string) (index.Emergency, error) {
	if !slices.Contains(format.Reasons(), n.Reason) {
		n.Reason, n.Text = format.ReasonSecurityReview, n.Reason
	}
	return s.proposeBy(ctx, n, cmp.Or(code, defaultCode))
}

// defaultCode is that of a block to which none was given.
const defaultCode = "blocked"

func (s *Service) proposeBy(ctx context.Context, n index.NewEmergency, code string) (index.Emergency, error) {
	on, act, right := auth.InRepository(n.Plugin), auth.PluginEmergency, auth.PluginEmergency
	if n.Request {
		act, right = ActRequest, auth.PluginLifecycle
	}
	by, err := auth.Caller(ctx)
	if err == nil {
		err = s.allowed(ctx, right, n.Plugin)
	}
	if err != nil {
		return index.Emergency{}, err
	}
	r, err := s.target(ctx, n)
	if err != nil {
		return index.Emergency{}, err
	}
	r.Body.Code = code
	r.ID, r.CreatedAt = strings.ToLower(rand.Text()[:12]), s.now()
	if n.Request {
		r.State, r.Body.RequestedBy, r.Body.ExpiresAt, r.Body.Changed = index.EmergencyRequested, by.Name, r.CreatedAt.Add(requestFor), r.CreatedAt
	} else if err := s.propose(ctx, &r, by); err != nil {
		return index.Emergency{}, err
	}
	if err := s.roomFor(ctx, r, by); err != nil { // again where it counts; this one writes nothing down
		return index.Emergency{}, err
	}
	err = s.o.Acts.Do(ctx, audit.Act{Action: act, On: on, Needs: &audit.Right{Action: right, On: on}, Planned: r.audited()},
		func(ctx context.Context) (any, error) {
			return nil, s.o.Tx.InTx(ctx, func(ctx context.Context) error {
				err := s.o.Store.LockEmergencies(ctx, r.Plugin)
				if err == nil {
					err = s.roomFor(ctx, r, by)
				}
				if err == nil {
					err = s.o.Store.AddEmergency(ctx, r)
				}
				if err == nil {
					err = s.o.Notices.Note(ctx, r)
				}
				if err != nil {
					return err
				}
				return s.o.Jobs.Enqueue(ctx, job(r, r.CreatedAt, time.Time{}), job(r, r.CreatedAt, r.Body.ExpiresAt))
			})
		})
	if err != nil {
		return index.Emergency{}, err
	}
	if n.Request {
		s.o.Logger.WarnContext(ctx, "emergency: an owner asks for one, and an admin decides: oarlock emergency-remove list "+r.ID, "alert", true, "emergency", r.ID,
			"plugin", r.Plugin, "version", r.Body.Version, "reason", r.Body.Reason, "by", by.Name, "until", r.Body.ExpiresAt)
	}
	s.o.Notices.Wake()
	return s.done(ctx, r.ID, true)
}

// propose makes r a proposal by somebody.
func (s *Service) propose(ctx context.Context, r *Record, by auth.Principal) error {
	who, err := s.voices.of(ctx, by)
	if err != nil {
		return fmt.Errorf("whether the word of %s counts: %w", by.Name, err)
	}
	s.become(r, index.EmergencyProposed)
	r.Body.ProposedBy, r.Body.ProposedAt, r.Body.ExpiresAt = by.Name, r.Body.Changed, r.Body.Changed.Add(proposalFor)
	if who != "" {
		r.Body.Words = []index.Word{{By: who, At: r.Body.Changed}}
	}
	return nil
}

// roomFor refuses a second emergency of the same, and requests without end.
func (s *Service) roomFor(ctx context.Context, r Record, by auth.Principal) error {
	open, _, err := s.readable(ctx, r.Plugin, index.EmergencyRequested, index.EmergencyProposed, index.EmergencyConfirmed, index.EmergencyInForce)
	if err != nil {
		return err
	}
	known, _, err := s.stated(ctx, func(plugin string) bool { return plugin == r.Plugin })
	if err != nil {
		return err
	}
	mine := 0
	for _, o := range known {
		if o.Body.Source == index.EmergencyOfLedger && r.State != index.EmergencyRequested && o.Body.All == r.Body.All &&
			slices.Equal(o.Body.Digests, r.Body.Digests) {
			return index.NewProblem(index.CodeConflict, fmt.Sprintf("emergency %s names %s already: it is %s, by the ledger", o.ID, r.what(), o.State),
				"see it: oarlock emergency-remove list "+o.ID)
		}
	}
	for _, o := range open {
		if o.expired(s.o.Clock.Now()) {
			continue
		}
		asked := o.State == index.EmergencyRequested
		if asked && o.Body.RequestedBy == by.Name {
			mine++
		}
		if o.same(r) && (!asked || r.State == index.EmergencyRequested) {
			return index.NewProblem(index.CodeConflict, fmt.Sprintf("emergency %s names %s already: it is %s", o.ID, r.what(), o.State),
				"see it: oarlock emergency-remove list "+o.ID, "confirm it: oarlock emergency-remove confirm "+o.ID)
		}
	}
	if r.State == index.EmergencyRequested {
		asked, err := s.all(ctx, "", index.EmergencyRequested)
		if err != nil {
			return err
		}
		waiting := 0
		for _, o := range asked {
			if o.Body.RequestedBy == by.Name && !o.expired(s.o.Clock.Now()) {
				waiting++
			}
		}
		if waiting >= maxWaiting {
			return index.NewProblem(index.CodeQuota, fmt.Sprintf("%s has %d requests waiting, of all plugins", by.Name, waiting),
				"wait until an admin took some up, or take one back: oarlock emergency-remove undo ID")
		}
	}
	if r.State == index.EmergencyRequested && mine >= maxRequests {
		return index.NewProblem(index.CodeQuota, fmt.Sprintf("%s has %d requests waiting for %s", by.Name, mine, r.Plugin),
			"take one back: oarlock emergency-remove undo ID")
	}
	return nil
}

// Confirm gives the caller's word for an emergency: that of an admin makes a proposal of
// a request, and the second one has it in force.
func (s *Service) Confirm(ctx context.Context, id string) (index.Emergency, error) {
	r, by, err := s.admitted(ctx, id)
	if err != nil {
		return index.Emergency{}, err
	}
	all, err := s.upToNow(ctx, r)
	if err != nil {
		return index.Emergency{}, fmt.Errorf("emergency %s: what it names: %w", id, err)
	}
	return s.step(ctx, r, ActConfirm, auth.PluginEmergency, func(ctx context.Context, r *Record) error {
		switch {
		case r.expired(s.o.Clock.Now()):
			return index.NewProblem(index.CodeConflict, fmt.Sprintf("emergency %s: its time was over at %s", r.ID,
				r.Body.ExpiresAt.Format(time.RFC3339)), "propose it again: oarlock emergency-remove "+r.what()+" --reason "+r.Body.Reason)
		case r.State == index.EmergencyRequested:
			r.Body.Digests = all
			return s.propose(ctx, r, by)
		case r.State != index.EmergencyProposed:
			return index.NewProblem(index.CodeConflict, fmt.Sprintf("emergency %s is %s, so there is nothing to confirm", r.ID, r.State),
				"see it: oarlock emergency-remove list "+r.ID)
		}
		words, err := s.speak(ctx, by, r.Body.Words)
		if err != nil {
			return err
		}
		r.Body.Words, r.Body.Digests = words, all
		if len(words) >= s.o.Approvers {
			s.become(r, index.EmergencyConfirmed)
		}
		return nil
	})
}

// Undo gives the caller's word for the end of an emergency. Who made a request, or a
// proposal for which nobody else spoke, takes it back alone.
func (s *Service) Undo(ctx context.Context, id string, why index.EmergencyStep) (index.Emergency, error) {
	if err := grounded(cmp.Or(why.Reason, defaultUndo), why.Text); err != nil {
		return index.Emergency{}, err
	}
	r, err := s.record(ctx, id)
	if err != nil {
		return index.Emergency{}, err
	}
	by, right := auth.From(ctx), auth.PluginLifecycle
	if own := by.LoggedIn() && r.State == index.EmergencyRequested && r.Body.RequestedBy == by.Name; !own {
		right = auth.PluginEmergency
		if r, by, err = s.admitted(ctx, id); err != nil {
			return index.Emergency{}, err
		}
	}
	return s.step(ctx, r, ActUndo, right, func(ctx context.Context, r *Record) error {
		if err := r.grown(); err != nil {
			return err
		}
		is := r.State
		if r.expired(s.o.Clock.Now()) {
			is = index.EmergencyLapsed
		}
		if is.Over() {
			return index.NewProblem(index.CodeConflict, fmt.Sprintf("emergency %s is over: it is %s", r.ID, is),
				"see it: oarlock emergency-remove list "+r.ID)
		}
		if r.Body.Undo = r.undoing(s.o.Clock.Now()); len(r.Body.Undo) == 0 {
			r.Body.UndoReason, r.Body.UndoText = "", ""
		}
		// Who agrees and says nothing of his own leaves what the first one said.
		r.Body.UndoReason, r.Body.UndoText = cmp.Or(why.Reason, r.Body.UndoReason, defaultUndo), cmp.Or(why.Text, r.Body.UndoText)
		if r.State == index.EmergencyRequested || r.State == index.EmergencyProposed && r.takesBack(by) {
			s.become(r, index.EmergencyWithdrawn)
			return nil
		}
		words, err := s.speak(ctx, by, r.Body.Undo)
		if err != nil {
			return err
		}
		r.Body.Undo = words
		if len(words) < s.o.Approvers {
			return nil
		}
		if r.State == index.EmergencyProposed {
			s.become(r, index.EmergencyWithdrawn)
		} else {
			s.become(r, index.EmergencyUndone)
		}
		return nil
	})
}

// takesBack reports whether a proposal is by's own, and nobody else spoke for it.
func (r Record) takesBack(by auth.Principal) bool {
	return r.Body.ProposedBy == by.Name && !slices.ContainsFunc(r.Body.Words, func(w index.Word) bool { return w.By != by.Name })
}

// step changes an emergency as do says, which takes a right, writes that down, and does
// what follows.
func (s *Service) step(ctx context.Context, r Record, act, right auth.Action, do func(ctx context.Context, r *Record) error) (index.Emergency, error) {
	on := auth.InRepository(r.Plugin)
	trial := r
	if err := do(ctx, &trial); err != nil {
		return index.Emergency{}, s.refused(ctx, act, on, err)
	}
	err := s.o.Acts.Do(ctx, audit.Act{Action: act, On: on, Needs: &audit.Right{Action: right, On: on}, Before: r.audited(),
		Planned: trial.audited()}, func(ctx context.Context) (any, error) {
		return nil, s.o.Tx.InTx(ctx, func(ctx context.Context) error {
			r, err := s.locked(ctx, r)
			was := r.State
			if err == nil {
				err = do(ctx, &r)
			}
			if err == nil {
				err = s.o.Store.ChangeEmergency(ctx, r)
			}
			if err == nil && r.State != was {
				err = s.o.Notices.Note(ctx, r)
			}
			if err != nil {
				return err
			}
			all := job(r, s.now(), time.Time{})
			if r.State == index.EmergencyProposed {
				return s.o.Jobs.Enqueue(ctx, all, job(r, s.now(), r.Body.ExpiresAt))
			}
			return s.o.Jobs.Enqueue(ctx, all)
		})
	})
	if err != nil {
		return index.Emergency{}, err
	}
	s.o.Notices.Wake()
	return s.done(ctx, r.ID, trial.State == index.EmergencyProposed)
}

package notices

import (
	"context"
	"maps"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/emergency"
	"github.com/oarlock/oarlock/index/notify"
)

// Emergencies tell of what is decided about emergencies and no ledger says: that one is
// asked for or proposed, and what is in force at this site alone.
type Emergencies struct {
	Outbox *notify.Outbox
	Clock  clock.Clock
}

var _ emergency.Notices = Emergencies{}

// Note implements emergency.Notices.
func (e Emergencies) Note(ctx context.Context, r emergency.Record) error {
	types := map[index.EmergencyState]notify.Type{
		index.EmergencyRequested: notify.EmergencyRequested, index.EmergencyProposed: notify.EmergencyProposed,
	}
	if r.Body.SiteOnly { // else the statement in the ledger is told
		maps.Copy(types, map[index.EmergencyState]notify.Type{index.EmergencyInForce: notify.EmergencyDeclared, index.EmergencyUndone: notify.EmergencyUndone})
	}
	is, told := types[r.State]
	if !told {
		return nil
	}
	step := notify.EmergencyStep{
		Type: is, Emergency: r.ID, Plugin: r.Plugin, Version: r.Body.Version, Digest: r.Body.Named, Reason: r.Body.Reason, Text: r.Body.Text, Soft: r.Body.Soft,
		By: r.Body.ProposedBy, At: r.Body.Changed, Noted: e.Clock.Now().UTC(),
	}
	switch r.State {
	case index.EmergencyRequested:
		step.By, step.Expires = r.Body.RequestedBy, r.Body.ExpiresAt
	case index.EmergencyProposed:
		step.Expires = r.Body.ExpiresAt
	case index.EmergencyUndone:
		step.Reason, step.Text = r.Body.UndoReason, r.Body.UndoText
		if len(r.Body.Undo) > 0 {
			step.By = r.Body.Undo[0].By
		}
	}
	return e.Outbox.Note(ctx, step.Change())
}

// Wake implements emergency.Notices.
func (e Emergencies) Wake() { e.Outbox.Wake() }

package ingest

import (
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy/ledger"
)

// lifecycle is what counts of a plugin's ledger.
type lifecycle struct {
	plugin *ledger.Plugin // nil says nothing
	// unknown is why it could not be told what the ledger says, "" where it
	// could.
	unknown string
}

// known is what counts of a ledger without reading it: what was read of it last,
// and what the catalog says it could not tell then.
func known(plugin *ledger.Plugin, served *catalog.Plugin) lifecycle {
	l := lifecycle{plugin: plugin}
	if served == nil {
		return l
	}
	for i := range served.Versions {
		for _, r := range served.Versions[i].Pending {
			if why, is := catalog.WhyUntold(r); is {
				l.unknown = why
				return l
			}
		}
	}
	return l
}

// tell makes p say what the ledger says, in place of what an earlier reading
// said.
func (l lifecycle) tell(p *catalog.Plugin) {
	p.State, p.Moves = index.PluginState(l.plugin.State()), l.moves()
	if l.plugin.IsDeleted() {
		// Whatever is stored still: the same however far its removal is.
		p.Versions, p.Broken, p.Channels, p.UpdatedAt = nil, nil, nil, nil
		return
	}
	for i := range p.Versions {
		l.tellVersion(&p.Versions[i])
	}
}

func (l lifecycle) tellVersion(v *catalog.Version) {
	v.Pending = slices.DeleteFunc(slices.Clone(v.Pending), catalog.ByLedger)
	if len(v.Pending) == 0 {
		v.Pending = nil
	}
	if v.State == index.VersionEmergencyRemoved || v.State == index.VersionYanked {
		v.State = withoutLedger(v)
	}
	v.Yanked = nil
	if y, is := l.plugin.YankOf(v.Digest); is {
		v.Yanked = &index.Yanked{At: y.At, By: y.By, Reason: because(y.Reason, y.Text)}
	}
	if e, is := l.emergencyOf(v); is {
		v.State = index.VersionEmergencyRemoved
		v.Pending = append([]index.Reason{{Code: index.ReasonEmergency, Detail: index.MustNotRun + emergencyMove(e).Why()}}, v.Pending...)
	}
	if l.unknown != "" {
		v.Pending = append(v.Pending, catalog.UntoldLedger(l.unknown))
	}
}

// withoutLedger is the state that v has besides what its ledger says: what is blocked
// or in quarantine stays so when the emergency is over, and says why in Pending.
func withoutLedger(v *catalog.Version) index.VersionState {
	for _, r := range v.Pending {
		switch r.Code {
		case index.ReasonBlocked:
			return index.VersionBlocked
		case index.ReasonQuarantined:
			return index.VersionQuarantined
		}
	}
	return index.VersionActive
}

// emergencyMove says of an emergency who approved it, too: on whose word something is
// stopped is in every notice.
func emergencyMove(e ledger.Emergency) index.Move {
	m := moveOf(index.StateEmergencyRemoved, e.Move, e.Grounds.Reason, e.Text)
	word := "on the word of one person"
	if len(e.ApprovedBy) > 0 {
		word = "approved by " + strings.Join(e.ApprovedBy, ", ")
	}
	if m.Text == "" {
		m.Text = word
	} else {
		m.Text += " (" + word + ")"
	}
	return m
}

// emergencyOf is the emergency that names the version or one of its builds, or
// stops every version of the plugin.
func (l lifecycle) emergencyOf(v *catalog.Version) (ledger.Emergency, bool) {
	if e, is := l.plugin.EmergencyOf(v.Digest); is {
		return e, true
	}
	for _, b := range v.Builds {
		if e, is := l.plugin.EmergencyOf(b.Digest); is {
			return e, true
		}
	}
	if l.plugin != nil {
		for _, e := range l.plugin.Emergencies {
			if e.All {
				return e, true
			}
		}
	}
	return ledger.Emergency{}, false
}

// moves are those in force, the one that the plugin's state comes from first.
func (l lifecycle) moves() []index.Move {
	var out []index.Move
	p := l.plugin
	if p == nil {
		return nil
	}
	for _, e := range p.Emergencies {
		if e.All {
			out = append(out, emergencyMove(e))
		}
	}
	if m := p.Deleted; m != nil {
		out = append(out, moveOf(index.StateDeleted, m.Move, m.Reason, m.Text))
	}
	if m := p.Removed; m != nil {
		out = append(out, moveOf(index.StateRemoved, m.Move, m.Reason, m.Text))
	}
	if m := p.Suspended; m != nil {
		move := moveOf(index.StateSuspended, m.Move, m.Reason, m.Text)
		move.Until, move.Existing = whole(m.Until), string(m.Existing)
		out = append(out, move)
	}
	if m := p.Deprecated; m != nil {
		move := moveOf(index.StateDeprecated, m.Move, m.Reason, m.Text)
		move.Replacement, move.Guide, move.EndOfLife = m.Replacement, m.Guide, whole(m.EndOfLife)
		out = append(out, move)
	}
	return out
}

func moveOf(state index.PluginState, m ledger.Move, reason, text string) index.Move {
	return index.Move{State: state, At: m.At, By: m.By, Reason: reason, Text: text}
}

func whole(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC()
	return &utc
}

func because(reason, text string) string {
	if text == "" {
		return reason
	}
	return reason + ": " + text
}

package emergency

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
)

// A Record is an emergency as it is kept. Times are UTC; the zero time means never.
type Record struct {
	ID        string
	Plugin    string
	State     index.EmergencyState
	CreatedAt time.Time
	// Revision rises with each change.
	Revision int64
	Body     Body
	// Damaged is why the Body cannot be read, "" where it can.
	Damaged string
}

// Unreadable says that r is damaged, where it is: what it names and whose words it has
// could not be told.
func (r Record) Unreadable() error {
	if r.Damaged == "" {
		return nil
	}
	return index.NewProblem(index.CodeUnavailable, fmt.Sprintf("emergency %s of %s: its record in the database cannot be read: %s", r.ID, r.Plugin, r.Damaged),
		"what it holds stays held; restore the database from a backup, or propose it again")
}

// Body is what of a Record nobody asks for.
type Body struct {
	Version string          `json:"version,omitempty"`
	Named   digest.Digest   `json:"named,omitempty"` // the digest of a version or of a platform; "" for all
	All     bool            `json:"all,omitempty"`
	Digests []digest.Digest `json:"digests"`
	Reason  string          `json:"reason"`
	// Code is what programs are told that want to pull it, of what began as a block.
	Code string `json:"code,omitempty"`
	Text string `json:"text,omitempty"`
	Soft bool   `json:"soft,omitempty"`

	RequestedBy string    `json:"requested_by,omitempty"`
	ProposedBy  string    `json:"proposed_by,omitempty"`
	ProposedAt  time.Time `json:"proposed_at,omitzero"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	// HeldAt is since when nobody is given it here; the zero time is not known, of what a
	// release before this one wrote down or a ledger alone knows.
	HeldAt time.Time `json:"held_at,omitzero"`
	// Changed is when the state was decided that Settled is about.
	Changed time.Time `json:"changed,omitzero"`

	Words      []index.Word `json:"words,omitempty"`
	Undo       []index.Word `json:"undo,omitempty"`
	UndoReason string       `json:"undo_reason,omitempty"`
	UndoText   string       `json:"undo_text,omitempty"`

	Statements []digest.Digest `json:"statements,omitempty"`
	// Source is "" where it was proposed or asked for here.
	Source   index.EmergencySource `json:"source,omitempty"`
	Platform string                `json:"-"` // whose ledger it is in, of EmergencyOfMirror
	SiteOnly bool                  `json:"site_only,omitempty"`
	Settled  bool                  `json:"settled,omitempty"`
	Problem  string                `json:"problem,omitempty"`
}

// A Store keeps emergencies. Its methods return artifact.ErrNotFound and
// artifact.ErrConflict; any other error means that it could not tell. In a
// transaction of Tx its methods belong to that.
type Store interface {
	AddEmergency(ctx context.Context, r Record) error
	Emergency(ctx context.Context, id string) (Record, error)
	// Emergencies, damaged ones among them, are at most limit of a plugin and in a state, where these are given,
	// the newest first, that came before the one with the ID before.
	Emergencies(ctx context.Context, plugin string, states []index.EmergencyState, before string, limit int) ([]Record, error)
	// ChangeEmergency replaces the one whose Revision is r.Revision and raises it;
	// another revision is a conflict.
	ChangeEmergency(ctx context.Context, r Record) error
	// LockEmergencies has nobody else change those of a plugin until the transaction of
	// ctx ends: what is read after it is what is changed.
	LockEmergencies(ctx context.Context, plugin string) error
}

// people are whose words w are.
func people(w []index.Word) []string {
	out := make([]string, len(w))
	for i := range w {
		out[i] = w[i].By
	}
	return out
}

// same reports whether r names what o does.
func (r Record) same(o Record) bool {
	return r.Plugin == o.Plugin && r.Body.All == o.Body.All && r.Body.Named == o.Body.Named
}

// moment is t, or nil where it never was.
func moment(t time.Time) *time.Time { return index.MomentOf(t) }

// undoing are the words for the end of r that count now: each waits for the other one for
// undoFor. Of one that is over they are those by which it ended.
func (r Record) undoing(now time.Time) []index.Word {
	if r.State.Over() {
		return r.Body.Undo
	}
	return slices.DeleteFunc(slices.Clone(r.Body.Undo), func(w index.Word) bool { return now.Sub(w.At) > undoFor })
}

// told is r as people are told it.
func (r Record) told(approvers int, now time.Time) index.Emergency {
	b := r.Body
	if b.Undo = r.undoing(now); len(b.Undo) == 0 && !r.State.Over() {
		b.UndoReason, b.UndoText = "", ""
	}
	out := index.Emergency{
		ID: r.ID, State: r.State, Source: cmp.Or(b.Source, index.EmergencyOfSite), Platform: b.Platform,
		Plugin: r.Plugin, Version: b.Version, All: b.All, Digests: append([]digest.Digest{},
			b.Digests...), Reason: b.Reason, Text: b.Text, Soft: b.Soft,
		RequestedBy: b.RequestedBy, ProposedBy: b.ProposedBy, CreatedAt: r.CreatedAt, ConfirmedAt: moment(b.ConfirmedAt), EndedAt: moment(b.EndedAt),
		Approvers: approvers, Words: append([]index.Word{}, b.Words...), Undo: append([]index.Word{}, b.Undo...),
		Statements: append([]digest.Digest{}, b.Statements...), SiteOnly: b.SiteOnly,
		UndoReason: b.UndoReason, UndoText: b.UndoText, Settled: b.Settled, Problem: b.Problem, MayConfirm: []string{},
	}
	if r.Damaged != "" {
		out.Problem = "its record in the database cannot be read: " + r.Damaged
	}
	if r.State == index.EmergencyRequested || r.State == index.EmergencyProposed {
		out.ExpiresAt = moment(b.ExpiresAt)
	}
	return out
}

// expired reports whether the time of a request or proposal is over.
func (r Record) expired(now time.Time) bool {
	return (r.State == index.EmergencyRequested || r.State == index.EmergencyProposed) && !now.Before(r.Body.ExpiresAt)
}

// spoken reports whether who has given its word in w.
func spoken(w []index.Word, who string) bool { return slices.Contains(people(w), who) }

package emergency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy/ledger"
)

// statedID is how the ID of an emergency begins that no record was made of: the rest is
// of the statement that declares it, so that it is the same wherever the ledger goes.
const statedID = "stmt-"

func idOfStatement(d digest.Digest) string { return statedID + d.Encoded()[:32] }

// stated are the emergencies that are in force by the ledgers of the plugins that want
// lets through, and that no record is of; and the ledgers of which it could not be told.
func (s *Service) stated(ctx context.Context, want func(plugin string) bool) ([]Record, []index.UnreadLedger, error) {
	var unread []index.UnreadLedger
	if err := s.o.Catalog.Current(); err != nil {
		unread = append(unread, index.UnreadLedger{Problem: err.Error()})
	}
	for _, bad := range s.o.Catalog.BadLedgers() {
		if !bad.Ref.OfPublisher() && want(bad.Ref.Plugin().String()) {
			unread = append(unread, index.UnreadLedger{Plugin: bad.Ref.Plugin().String(), Problem: bad.Problems()[0].Detail})
		}
	}
	var out []Record
	for id, state := range s.o.Catalog.PluginLedgers(func(id artifact.Name) bool { return want(id.String()) }) {
		if state.Plugin == nil || len(state.Plugin.Emergencies) == 0 {
			continue
		}
		records, _, err := s.readable(ctx, id.String(), index.EmergencyConfirmed, index.EmergencyInForce, index.EmergencyUndone)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range state.Plugin.Emergencies {
			if !slices.ContainsFunc(records, func(r Record) bool { return r.states(e) }) {
				out = append(out, s.recordOf(id, state, e))
			}
		}
	}
	slices.SortFunc(out, newest)
	return out, unread, nil
}

// states reports whether r is the record of what a ledger says. What a confirmed one
// states is written down only after it is stated.
func (r Record) states(e ledger.Emergency) bool {
	if r.ID == idOfStatement(e.Move.Digest) || slices.Contains(r.Body.Statements, e.Move.Digest) {
		return true
	}
	if len(r.Body.Statements) > 0 || r.Body.SiteOnly || len(r.Body.Words) == 0 || r.Body.Words[0].By != e.By || e.At.Before(r.Body.ConfirmedAt) {
		return false
	}
	return !slices.ContainsFunc(e.Digests, func(d digest.Digest) bool { return !slices.Contains(r.Body.Digests, d) })
}

// recordOf is what a record of e would be.
func (s *Service) recordOf(id artifact.Name, state ledger.State, e ledger.Emergency) Record {
	at := e.At.UTC().Truncate(time.Microsecond)
	r := Record{ID: idOfStatement(e.Move.Digest), Plugin: id.String(), State: index.EmergencyInForce, CreatedAt: at, Body: Body{
		All: e.All, Digests: slices.Clone(e.Digests), Reason: e.Grounds.Reason, Text: e.Text, Soft: e.Soft, ProposedBy: e.By, ProposedAt: at,
		ConfirmedAt: at, Changed: at, Statements: []digest.Digest{e.Move.Digest}, Settled: true, Source: index.EmergencyOfLedger,
	}}
	if !e.All {
		r.Body.Named = e.Digests[0]
	}
	for _, by := range append([]string{e.By}, e.ApprovedBy...) {
		r.Body.Words = append(r.Body.Words, index.Word{By: by, At: at})
	}
	if state.Platform != "" && state.Platform != s.o.Own {
		r.Body.Source, r.Body.Platform = index.EmergencyOfMirror, s.o.Platform(state.Platform)
	}
	return r
}

// newest has the newest first, and those of one moment by their IDs.
func newest(a, b Record) int {
	if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
		return c
	}
	return strings.Compare(b.ID, a.ID)
}

// record is the emergency with an ID, which has Revision 0 where a ledger alone knows
// it. That there is none is said only where every ledger could be read.
func (s *Service) record(ctx context.Context, id string) (Record, error) {
	r, err := s.o.Store.Emergency(ctx, id)
	if err == nil || !strings.HasPrefix(id, statedID) {
		return r, missing(id, err)
	}
	if r, is, err := s.statedOf(ctx, id, ""); is || err != nil {
		return r, err
	}
	return Record{}, missing(id, err)
}

// statedOf is the emergency with an ID that a ledger alone knows: that of one plugin,
// or of any where it is "".
func (s *Service) statedOf(ctx context.Context, id, plugin string) (Record, bool, error) {
	found, unread, err := s.stated(ctx, func(one string) bool { return plugin == "" || plugin == one })
	if err != nil {
		return Record{}, false, err
	}
	if i := slices.IndexFunc(found, func(r Record) bool { return r.ID == id }); i >= 0 {
		return found[i], true, nil
	}
	var sees []string
	for _, u := range unread {
		if u.Plugin == "" {
			sees = append(sees, u.Problem)
			continue
		}
		if may, err := s.sees(ctx, u.Plugin); err != nil {
			return Record{}, false, err
		} else if may {
			sees = append(sees, u.Plugin+": "+u.Problem)
		}
	}
	if len(sees) > 0 {
		return Record{}, false, index.NewProblem(index.CodeUnavailable,
			fmt.Sprintf("whether there is an emergency %s could not be told: ledgers could not be read: %s", id, strings.Join(sees, "; ")),
			"ask again soon, and if it stays so have the operator look at them: oarlock fsck")
	}
	return Record{}, false, nil
}

// grown refuses to change what a ledger says that grows elsewhere.
func (r Record) grown() error {
	if r.Body.Source != index.EmergencyOfMirror {
		return nil
	}
	return index.NewProblem(index.CodeConflict,
		fmt.Sprintf("emergency %s of %s is in a ledger that came here by a mirror and grows at %s, so that it is undone there", r.ID, r.Plugin, r.Body.Platform),
		"undo it at that registry, by two people as here, and mirror "+r.Plugin+" again: oarlock emergency-remove list --plugin "+r.Plugin+" --server URL")
}

// Known reports whether there is a record of an emergency, and whether it is proposed.
func (s *Service) Known(ctx context.Context, id string) (known, proposed bool, err error) {
	r, err := s.o.Store.Emergency(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, false, nil
	}
	return err == nil, r.State == index.EmergencyProposed, err
}

// orphan reports whether h is held by an emergency of which nobody has a record: the
// database that had it was lost.
func (s *Service) orphan(ctx context.Context, h Hold) (bool, error) {
	if h.Emergency == "" {
		return false, nil
	}
	known, _, err := s.Known(ctx, h.Emergency)
	return err == nil && !known, err
}

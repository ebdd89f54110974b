package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/emergency"
)

// someEmergency has every field set, so that one that is not kept is missed.
func someEmergency(id, plugin string, state index.EmergencyState, at time.Duration) emergency.Record {
	made := noon.Add(at)
	word := func(by string, d time.Duration) index.Word { return index.Word{By: by, At: made.Add(d)} }
	return emergency.Record{
		ID: id, Plugin: plugin, State: state, CreatedAt: made, Revision: 1,
		Body: emergency.Body{
			Version: "1.2.0", Named: digest.FromString(id), All: true, Digests: []digest.Digest{digest.FromString(id), digest.FromString("platform")},
			Reason: "malware", Text: `it "steals" keys, ü <&>`, Soft: true, RequestedBy: "person:olga", ProposedBy: "person:ada",
			ProposedAt: made.Add(1), ExpiresAt: made.Add(24 * time.Hour), ConfirmedAt: made.Add(2000), EndedAt: made.Add(3000), Changed: made.Add(4000),
			Words: []index.Word{word("person:ada", 1000), word("person:grace", 2000)}, Undo: []index.Word{word("person:bob", 3000)},
			UndoReason: "by_request", UndoText: "a mistake", Statements: []digest.Digest{digest.FromString("said")},
			SiteOnly: true, Settled: true, Problem: "the disk is full",
		},
	}
}

func idsOf(list []emergency.Record) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].ID
	}
	return out
}

// contractEmergencies holds emergency.Store to what it promises. Proves E5.
func contractEmergencies(t *testing.T, s *Store) {
	ctx := t.Context()
	a := someEmergency("a", "acme/hello", index.EmergencyProposed, 0)
	want(t, "add", s.AddEmergency(ctx, a), nil)
	want(t, "add the same", s.AddEmergency(ctx, a), artifact.ErrConflict)
	got, err := s.Emergency(ctx, "a")
	same(t, "read", got, a, err)
	for _, id := range []string{"A", "", "z"} {
		_, err = s.Emergency(ctx, id)
		want(t, fmt.Sprintf("read %q, which is not there", id), err, artifact.ErrNotFound)
	}

	changed := a
	changed.State, changed.Body.Settled, changed.Body.Undo = index.EmergencyInForce, false, nil
	want(t, "change", s.ChangeEmergency(ctx, changed), nil)
	want(t, "change again from the old one", s.ChangeEmergency(ctx, changed), artifact.ErrConflict)
	moved := changed
	moved.Revision, moved.Plugin, moved.CreatedAt = 2, "acme/other", noon.Add(time.Hour)
	want(t, "change what does not change", s.ChangeEmergency(ctx, moved), nil)
	changed.Revision = 3
	got, err = s.Emergency(ctx, "a")
	same(t, "read the changed one, with its plugin and its beginning", got, changed, err)
	missing := a
	missing.ID = "z"
	want(t, "change one that is not there", s.ChangeEmergency(ctx, missing), artifact.ErrConflict)

	contractEmergencyPages(t, s)
	contractEmergencyLocks(t, s)
	contractDamagedEmergencies(t, s)
}

// contractDamagedEmergencies: a row that cannot be read keeps no other from being found,
// has its place among the pages, and says by itself that it could not be told.
func contractDamagedEmergencies(t *testing.T, s *Store) {
	ctx := t.Context()
	for i, record := range []string{"{", "null", "[]", `{"reason":"malware"}`, "{}", ""} {
		plugin := fmt.Sprintf("acme/damaged-%d", i)
		for j, id := range []string{"old", "damaged", "new"} {
			want(t, "add", s.AddEmergency(ctx, someEmergency(fmt.Sprint(id, i), plugin, index.EmergencyProposed, time.Duration(j)*time.Second)), nil)
		}
		if _, err := s.write.ExecContext(ctx, "UPDATE emergencies SET record = ? WHERE id = ?", record, fmt.Sprint("damaged", i)); err != nil {
			t.Fatal(err)
		}
		var seen []string
		for before := ""; ; {
			page, err := s.Emergencies(ctx, plugin, nil, before, 1)
			want(t, "page", err, nil)
			if len(page) == 0 {
				break
			}
			before = page[0].ID
			seen = append(seen, before)
			if damaged := before == fmt.Sprint("damaged", i); damaged != (page[0].Damaged != "") || page[0].Plugin != plugin {
				t.Errorf("record %q: %+v", record, page[0])
			}
		}
		if len(seen) != 3 {
			t.Errorf("beside record %q there are %v", record, seen)
		}
		var p *index.Problem
		if _, err := s.Emergency(ctx, fmt.Sprint("damaged", i)); !errors.As(err, &p) || p.Code != index.CodeUnavailable {
			t.Errorf("record %q is read as %v", record, err)
		}
	}
}

// contractEmergencyPages: the newest first, those of one moment by their bytes, page by
// page, narrowed down by plugin and states; each once.
func contractEmergencyPages(t *testing.T, s *Store) {
	ctx := t.Context()
	for _, r := range []emergency.Record{
		someEmergency("b", "acme/hello", index.EmergencyProposed, time.Second), someEmergency("Z", "acme/hello", index.EmergencyLapsed, time.Second),
		someEmergency("c", "acme/other", index.EmergencyInForce, time.Second), someEmergency("d", "acme/hello", index.EmergencyInForce, -time.Second),
	} {
		want(t, "add "+r.ID, s.AddEmergency(ctx, r), nil)
	}
	for _, row := range []struct {
		plugin string
		states []index.EmergencyState
		before string
		limit  int
		want   []string
	}{
		{"", nil, "", 10, []string{"c", "b", "Z", "a", "d"}},
		{"", nil, "", 2, []string{"c", "b"}},
		{"", nil, "b", 2, []string{"Z", "a"}},
		{"", nil, "a", 2, []string{"d"}},
		{"", nil, "d", 2, []string{}},
		{"acme/hello", nil, "c", 10, []string{"b", "Z", "a", "d"}},
		{"acme/hello", []index.EmergencyState{index.EmergencyInForce}, "", 10, []string{"a", "d"}},
		{"acme/hello", []index.EmergencyState{index.EmergencyInForce}, "b", 10, []string{"a", "d"}},
		{"", []index.EmergencyState{index.EmergencyProposed, index.EmergencyLapsed}, "", 10, []string{"b", "Z"}},
		{"", []index.EmergencyState{index.EmergencyUndone}, "", 10, []string{}},
		{"acme/none", nil, "", 10, []string{}},
	} {
		list, err := s.Emergencies(ctx, row.plugin, row.states, row.before, row.limit)
		same(t, fmt.Sprintf("list %+v", row), idsOf(list), row.want, err)
	}
	_, err := s.Emergencies(ctx, "", nil, "nobody's", 10)
	want(t, "a page after one that is not there", err, artifact.ErrNotFound)
}

// contractEmergencyLocks: of those who look whether there is one and add it else, under
// the lock of a plugin, one adds it; what a transaction that failed wrote is not there.
func contractEmergencyLocks(t *testing.T, s *Store) {
	ctx := t.Context()
	var added atomic.Int64
	there := errors.New("there is one")
	each(8, func(i int) {
		err := s.InTx(ctx, func(ctx context.Context) error {
			if err := s.LockEmergencies(ctx, "acme/raced"); err != nil {
				return err
			}
			list, err := s.Emergencies(ctx, "acme/raced", nil, "", 10)
			if err == nil && len(list) > 0 {
				err = there
			}
			if err == nil {
				err = s.AddEmergency(ctx, someEmergency(fmt.Sprint("raced", i), "acme/raced", index.EmergencyProposed, 0))
			}
			return err
		})
		if err == nil {
			added.Add(1)
		} else if !errors.Is(err, there) {
			t.Error(err)
		}
	})
	if added.Load() != 1 {
		t.Errorf("%d of 8 who looked first added one, expected 1", added.Load())
	}
	err := s.InTx(ctx, func(ctx context.Context) error {
		want(t, "add in a transaction", s.AddEmergency(ctx, someEmergency("undone", "acme/tx", index.EmergencyProposed, 0)), nil)
		if _, err := s.Emergency(ctx, "undone"); err != nil {
			t.Errorf("read what the transaction wrote: %v", err)
		}
		return there
	})
	want(t, "a transaction that fails", err, there)
	_, err = s.Emergency(ctx, "undone")
	want(t, "read what it wrote", err, artifact.ErrNotFound)
}

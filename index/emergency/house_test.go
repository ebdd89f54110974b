package emergency

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/policy/ledger"
)

// A house is all that a Service stands on, in memory: any plugin of it has one version.
type house struct {
	*crowd
	*Service
	hand    *clock.Hand
	records map[string]Record
	order   []string
	holds   shut
	waiting []jobs.Job
	// refuses is why a ledger takes no statement; nil where it does.
	refuses  error
	appended []index.NewStatement
}

// houseOf is one in which ada and grace are admins, and olga an owner.
func houseOf(t *testing.T) *house {
	h := &house{crowd: crowdOf("ada", "grace"), hand: clock.NewHand(noon), records: map[string]Record{}, holds: shut{}}
	h.Service = New(Options{
		Store: h, Tx: h, People: h.crowd, Rights: h, Acts: audit.Log{May: h.May, Rows: h}, Log: h, Registry: h, Holds: h.holds, Ledger: h, Catalog: h, Jobs: h, Notices: tellsNobody{},
		Platform: func(digest.Digest) string { return "elsewhere" }, Approvers: 2, Changed: func(time.Time) {}, Took: func(string, time.Duration) {},
		Clock: h.hand.Clock(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return h
}

// tellsNobody of what was decided.
type tellsNobody struct{}

func (tellsNobody) Note(context.Context, Record) error { return nil }
func (tellsNobody) Wake()                              {}

// versionOf is the digest of the one version of a plugin.
func versionOf(plugin string) digest.Digest { return digest.FromString(plugin) }

// as is somebody who asks.
func as(t *testing.T, name string) context.Context { return auth.With(t.Context(), person(name)) }

func (h *house) InTx(ctx context.Context, do func(context.Context) error) error { return do(ctx) }

func (h *house) May(context.Context, auth.Action, auth.Resource) error         { return nil }
func (h *house) Can(context.Context, auth.Action, auth.Resource) (bool, error) { return true, nil }

func (h *house) Note(context.Context, auth.Principal, auth.Action, auth.Resource, any, any) error {
	return nil
}

func (h *house) NoteFailure(context.Context, auth.Principal, auth.Action, auth.Resource, any, error) error {
	return nil
}

func (h *house) Record(context.Context, auth.Principal, auth.Action, auth.Resource, auth.Decision) error {
	return nil
}

func (h *house) Resolve(_ context.Context, repo, _ string) (digest.Digest, error) {
	return versionOf(repo), nil
}

func (h *house) Manifests(_ context.Context, _ string, d digest.Digest) ([]digest.Digest, error) {
	return []digest.Digest{d}, nil
}

func (h *house) AllManifests(_ context.Context, repo string) ([]digest.Digest, error) {
	return []digest.Digest{versionOf(repo)}, nil
}

func (h *house) Append(_ context.Context, s index.NewStatement) (index.LedgerEntry, error) {
	if h.refuses != nil {
		return index.LedgerEntry{}, fmt.Errorf("ledger %s: %w", s.Ledger, h.refuses)
	}
	h.appended = append(h.appended, s)
	return index.LedgerEntry{Head: format.Head{Sequence: len(h.appended), Digest: digest.FromString(s.ID)}}, nil
}

func (h *house) PluginLedgers(func(artifact.Name) bool) map[artifact.Name]ledger.State { return nil }
func (h *house) BadLedgers() []ledger.Judgement                                        { return nil }
func (h *house) Current() error                                                        { return nil }
func (h *house) Settled(context.Context) error                                         { return nil }

func (h *house) Enqueue(_ context.Context, all ...jobs.Job) error {
	h.waiting = append(h.waiting, all...)
	return nil
}

// Ended never is: nobody but Drain does jobs.
func (h *house) Ended(string) <-chan struct{} { return nil }

// Drain does what is due, each once.
func (h *house) Drain(ctx context.Context, _ string) error {
	due, now := h.waiting, h.hand.Clock().Now()
	h.waiting = nil
	for _, j := range due {
		if j.At.After(now) {
			h.waiting = append(h.waiting, j)
			continue
		}
		if err := h.Carry(ctx, string(j.Payload)); err != nil {
			h.waiting = append(h.waiting, j)
			return err
		}
	}
	return nil
}

func (h *house) AddEmergency(_ context.Context, r Record) error {
	r.Revision = 1
	h.records[r.ID] = r
	h.order = append(h.order, r.ID)
	return nil
}

func (h *house) Emergency(_ context.Context, id string) (Record, error) {
	r, is := h.records[id]
	if !is {
		return r, artifact.ErrNotFound
	}
	return r, nil
}

func (h *house) Emergencies(_ context.Context, plugin string, states []index.EmergencyState, before string, _ int) (out []Record, _ error) {
	if before != "" {
		return nil, nil
	}
	for _, id := range slices.Backward(h.order) {
		if r := h.records[id]; cmp.Or(plugin, r.Plugin) == r.Plugin && (len(states) == 0 || slices.Contains(states, r.State)) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (h *house) ChangeEmergency(_ context.Context, r Record) error {
	if h.records[r.ID].Revision != r.Revision {
		return artifact.ErrConflict
	}
	r.Revision++
	h.records[r.ID] = r
	return nil
}

func (h *house) LockEmergencies(context.Context, string) error { return nil }

package notify_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/notify"
)

// whole, build and other are of versions of acme/hello: build is of the version whole.
var whole, build, other = digest.FromString("whole"), digest.FromString("build"), digest.FromString("other")

func blockOf(d digest.Digest, at time.Time) notify.Withheld {
	w := notify.Withheld{Kind: notify.KindBlocked, Repository: "acme/hello", Digest: d, Since: at, Details: map[string]any{"reason": "steals keys"}}
	switch d {
	case whole, build:
		w.Version, w.Whole = "1.0.0", whole
	case other:
		w.Version, w.Whole = "2.0.0", other
	}
	return w
}

func (x *site) watch() notify.WithheldWatch {
	return notify.WithheldWatch{Store: x.store, Outbox: x.outbox, InTx: x.store.InTx, Clock: x.hand.Clock()}
}

// saw looks at what is withheld, as the storage has it too, and gives "type subject" of
// what was told of it.
func (x *site) saw(r *recorder, w notify.WithheldWatch, now ...notify.Withheld) (out []string) {
	x.t.Helper()
	w.Still = storage(now...)
	if _, err := w.Look(x.t.Context(), now); err != nil {
		x.t.Fatal(err)
	}
	return x.heard(r)
}

// storage says that all is withheld still, and nothing else is.
func storage(all ...notify.Withheld) func(context.Context, notify.Withheld) (bool, error) {
	return func(_ context.Context, w notify.Withheld) (bool, error) {
		return slices.ContainsFunc(all, func(o notify.Withheld) bool {
			return o.Kind == w.Kind && o.Repository == w.Repository && o.Digest == w.Digest
		}), nil
	}
}

// heard gives "type subject" of what was told.
func (x *site) heard(r *recorder) (out []string) {
	x.t.Helper()
	x.drain()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.told {
		out = append(out, m.Event.Type.Short()+" "+m.Event.Subject())
	}
	r.told = nil
	slices.Sort(out)
	return out
}

// Proves E8, K2: a block, its end, a quarantine and its end are told once each: not what
// was there before, not by two replicas, not once for each build, and again where it
// happens again.
func TestWhatIsWithheldIsToldOnce_E8(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	one, two := x.watch(), x.watch()
	bad := notify.Withheld{Kind: notify.KindQuarantined, Repository: "acme/hello", Digest: whole, Whole: whole, Version: "1.0.0"}
	all := blockOf("", noon)
	for _, step := range []struct {
		by   notify.WithheldWatch
		now  []notify.Withheld
		told []string
	}{
		{one, []notify.Withheld{blockOf(other, noon)}, nil}, // it was there before anybody looked
		{one, []notify.Withheld{blockOf(other, noon), blockOf(whole, noon), blockOf(build, noon)}, []string{"plugin.version.blocked acme/hello@1.0.0"}},
		{two, []notify.Withheld{blockOf(other, noon), blockOf(whole, noon), blockOf(build, noon)}, nil},
		{two, []notify.Withheld{blockOf(whole, noon), blockOf(build, noon)}, []string{"plugin.version.unblocked acme/hello@2.0.0"}},
		{one, []notify.Withheld{blockOf(build, noon)}, []string{"plugin.version.unblocked acme/hello@1.0.0"}},
		{one, nil, nil},
		{one, []notify.Withheld{blockOf(whole, noon.Add(5*time.Minute))}, []string{"plugin.version.blocked acme/hello@1.0.0"}},
		{one, []notify.Withheld{all, blockOf(whole, noon.Add(5*time.Minute))}, []string{"plugin.version.blocked acme/hello"}},
		{two, nil, []string{"plugin.version.unblocked acme/hello", "plugin.version.unblocked acme/hello@1.0.0"}},
		{two, []notify.Withheld{bad}, []string{"plugin.version.quarantined acme/hello@1.0.0"}},
		{one, nil, []string{"plugin.version.unquarantined acme/hello@1.0.0"}},
		{one, []notify.Withheld{bad}, []string{"plugin.version.quarantined acme/hello@1.0.0"}},
	} {
		x.hand.Advance(time.Minute)
		if d := cmp.Diff(step.told, x.saw(r, step.by, step.now...)); d != "" {
			t.Errorf("%v is withheld (-want +got):\n%s", step.now, d)
		}
	}
}

// Proves E8: a replica that has not heard of a block or a quarantine yet, or hears of its
// end late, tells nothing: the storage is asked. Where that cannot say, nothing ends.
func TestAReplicaThatIsBehindTellsNoEnd_E8(t *testing.T) {
	t.Parallel()
	bad := notify.Withheld{Kind: notify.KindQuarantined, Repository: "acme/hello", Digest: whole, Whole: whole, Version: "1.0.0"}
	for name, of := range map[string]notify.Withheld{"blocked": blockOf(whole, noon), "quarantined": bad} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, r := recorded(t)
			x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
			none, there, gone := []notify.Withheld(nil), storage(of), storage()
			silent := func(context.Context, notify.Withheld) (bool, error) { return false, errBusy }
			begun, ended := []string{"plugin.version." + name + " acme/hello@1.0.0"}, []string{"plugin.version.un" + name + " acme/hello@1.0.0"}
			x.saw(r, x.watch())
			for i, step := range []struct {
				after time.Duration
				now   []notify.Withheld
				still func(context.Context, notify.Withheld) (bool, error)
				err   error
				later bool
				told  []string
			}{
				{time.Second, []notify.Withheld{of}, silent, nil, false, begun}, // refused here, so told
				{time.Second, none, there, nil, true, nil},
				{notify.SettleFor, none, there, nil, false, nil},
				{time.Second, []notify.Withheld{of}, there, nil, false, nil},
				{time.Minute, none, silent, errBusy, false, nil},
				{time.Minute, none, nil, cmpopts.AnyError, false, nil},
				{time.Minute, none, gone, nil, false, ended},
				{time.Second, []notify.Withheld{of}, gone, nil, true, nil}, // it did not hear of the end
				{time.Minute, none, gone, nil, false, nil},
			} {
				x.hand.Advance(step.after)
				w := x.watch()
				w.Still = step.still
				later, err := w.Look(t.Context(), step.now)
				if d := cmp.Diff(step.err, err, cmpopts.EquateErrors()); d != "" || later != step.later {
					t.Errorf("step %d: later is %v, error (-want +got):\n%s", i, later, d)
				}
				if d := cmp.Diff(step.told, x.heard(r)); d != "" {
					t.Errorf("step %d (-want +got):\n%s", i, d)
				}
			}
		})
	}
}

// Who dies between the row and its event has written neither.
func TestWhatIsWithheldIsToldAfterACrash_E8(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "*")
	w := x.watch()
	x.saw(r, w)
	x.hand.Advance(time.Minute)
	dies := w
	dies.InTx = func(ctx context.Context, do func(context.Context) error) error {
		return x.store.InTx(ctx, func(ctx context.Context) error { return errors.Join(do(ctx), errBusy) })
	}
	if _, err := dies.Look(t.Context(), []notify.Withheld{blockOf(whole, noon)}); !errors.Is(err, errBusy) {
		t.Fatal(err)
	}
	for _, want := range [][]string{{"plugin.version.blocked acme/hello@1.0.0"}, nil} {
		if d := cmp.Diff(want, x.saw(r, w, blockOf(whole, noon))); d != "" {
			t.Errorf("told (-want +got):\n%s", d)
		}
	}
}

// Proves E8, E5: what an owner asks for, and what is proposed, is told at once to those
// who decide, whatever they prefer, and to nobody else.
func TestWhoDecidesIsToldOfAnEmergency_E8_E5(t *testing.T) {
	t.Parallel()
	x, r := recorded(t)
	x.rights.manager = "person:ada"
	x.subscribe("ada", "person:ada", notify.OfEverything, "", "plugin.emergency.*")
	x.subscribe("eve", "person:eve", notify.OfEverything, "", "*")
	for _, is := range []notify.Type{notify.EmergencyRequested, notify.EmergencyProposed} {
		step := notify.EmergencyStep{Type: is, Emergency: "e", Plugin: "acme/hello", Version: "1.0.0", Digest: whole, By: "person:own", Reason: "malware", At: noon, Noted: noon}
		x.tell(step.Change(), step.Change())
		if len(r.told) != 1 || r.told[0].Subscription.ID != "ada" || r.told[0].Event.Subject() != "acme/hello@1.0.0" || !r.told[0].Event.Type.Urgent() {
			t.Errorf("%s: %+v", is, r.told)
		}
		r.take()
	}
	if may, err := notify.MayDecide(auth.With(t.Context(), auth.Principal{Name: "person:eve"}), x.rights, "acme/hello"); may || err != nil {
		t.Errorf("eve: %v %v", may, err)
	}
}

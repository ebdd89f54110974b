package client_test

import (
	"strings"
	"testing"
)

// Proves L1: a plugin whose files are damaged is named, and keeps the others from
// nothing: each has its own outcome.
func TestDamageIsTheOutcomeOfOnePlugin_L1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, id := range []string{"acme/hurt", "acme/whole", "acme/quiet"} {
		s.publish(t, id, "1.0.0", release{})
	}
	store := openStore(t, s, t.TempDir())
	install(t, store, "acme/hurt", "acme/whole", "acme/quiet")
	s.publish(t, "acme/whole", "1.1.0", release{})
	damage(t, store, "acme/hurt")

	all, err := store.Outdated(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, o := range all {
		said[o.ID.String()] = o.Current + " " + o.Wanted + " " + o.Damaged
	}
	if len(said) != 2 || !strings.HasPrefix(said["acme/hurt"], "1.0.0 1.0.0 store: acme/hurt 1.0.0: ") || said["acme/whole"] != "1.0.0 1.1.0 " {
		t.Errorf("outdated: %q", said)
	}

	plan, err := store.PlanUpdate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Damaged) != 1 || plan.Damaged[0].ID.String() != "acme/hurt" || plan.Damaged[0].Version != "1.0.0" ||
		!strings.Contains(plan.Damaged[0].Detail, "oarlock install or update brings it again") {
		t.Errorf("damaged: %+v", plan.Damaged)
	}
	if len(plan.Changed) != 1 || plan.Changed[0].ID.String() != "acme/whole" || len(plan.Installed) != 2 {
		t.Errorf("plan: %+v", plan)
	}

	done, err := store.Update(t.Context()) // as the plan said, it comes again
	if err != nil || len(done.Restored) != 1 || len(done.Changed) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if plan, err := store.PlanUpdate(t.Context()); err != nil || len(plan.Damaged) != 0 || len(plan.Installed) != 3 {
		t.Errorf("afterwards: %+v, %v", plan, err)
	}
}

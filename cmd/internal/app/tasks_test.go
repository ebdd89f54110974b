package app

import (
	"maps"
	"slices"
	"testing"
)

// TestTasksOfAServer: what is not in this list of a server that was put together
// is done by nobody, and no test of its package can tell.
func TestTasksOfAServer(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	got := map[string]bool{}
	for _, one := range s.tasks.Status() {
		got[one.Name] = true
	}
	for _, want := range []string{
		"signing_keys", "ended_credentials", "audit_retention", "audit_refusals", "namespaces", "database_watch", "quota_usage", "storage_reserve",
		"ledger_outbox", "garbage_collection", "scrub", "catalog_upkeep", "catalog_reconcile", "old_uploads",
	} {
		if !got[want] {
			t.Errorf("no task %q among %q", want, slices.Sorted(maps.Keys(got)))
		}
	}
}

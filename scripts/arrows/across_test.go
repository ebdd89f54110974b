package arrows_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/scripts/arrows"
)

// artifactRows: what a plugin is knows nobody; the tools around it know it.
var artifactRows = map[string][]string{
	".": nil,

	"clock":    nil,
	"durable":  nil,
	"logins":   nil,
	"ocierror": nil,
	"bounded":  {"."},
	"ledger":   {"."},
	"outbound": {"."},
	"scaffold": {"."},
	"quirk":    {".", "ledger"},
	"pack":     {".", "bounded", "durable"},
	"lint":     {".", "configschema", "pack"},

	"configschema": {"."},

	"artifacttest":      {".", "pack"},
	"ledger/ledgertest": {"ledger"},
}

// policyRows: the words of a verdict know nobody; each judge knows them, and
// whom a site trusts; no judge knows another.
var policyRows = map[string][]string{
	".": nil,

	"internal":    nil,
	"trust":       {"."},
	"attest":      {".", "internal", "trust"},
	"ledger":      {".", "trust"},
	"signature":   {".", "internal", "trust"},
	"explain":     {".", "trust"},
	"entitlement": {"."},

	"attest/attesttest": {"attest"},
	"ledger/ledgertest": {"ledger", "trust"},
}

// acrossRules: who may know whom of another room. artifact is everybody's;
// registry knows neither policy nor index, and nobody but cmd and examples knows
// registry (see rules).
func acrossRules() []arrows.Rule {
	return []arrows.Rule{
		arrows.Siblings("artifact", artifactRows),
		arrows.Siblings("policy", policyRows),
		// What judges signatures and attestations is handed in: hosts and servers choose.
		arrows.Across("index", "policy", map[string][]string{
			"api":       {".", "explain", "ledger"},
			"auth":      {"."},
			"emergency": {"ledger"},
			"explained": {"explain"},
			"feed":      {"ledger"},
			"ingest":    {".", "ledger"},
			"ledger":    {".", "ledger"},
			"lifecycle": {".", "ledger"},
			"license":   {"entitlement"},
			"publisher": {".", "ledger", "trust"},
			"tenant":    {".", "entitlement"},
		}),
		arrows.Across("cmd/internal", "policy", map[string][]string{
			"app":        {".", "entitlement", "explain", "trust"},
			"cli":        {".", "attest", "explain", "ledger", "signature", "trust"},
			"config":     {"entitlement", "trust"},
			"derive":     {".", "attest", "ledger", "signature", "trust"},
			"notices":    {".", "ledger"},
			"sitebackup": {"trust"},
		}),
		arrows.Across("cmd/internal", "registry", map[string][]string{
			"app":        {".", "block", "integrity", "storage", "storage/driver"},
			"cli":        {"backup", "mirror", "remote"}, // the clients; a server is asked over HTTP
			"config":     {"gc"},
			"derive":     {"block", "storage"},
			"lostkeys":   {"storage"},
			"replicas":   {".", "block"},
			"sitebackup": {"backup", "block", "storage", "storage/driver"},
			"upkeep":     {".", "block", "gc", "integrity", "remote", "storage", "storage/driver"},
		}),
		arrows.Across("cmd/internal", "index", map[string][]string{
			"app": {".", "account", "api", "audit", "auth", "catalog", "emergency", "explained", "feed", "ingest", "jobs", "ledger", "lifecycle", "lifecycle/table",
				"notify", "notify/mail", "publisher", "publog", "quota", "signed", "store", "tenant", "web"},
			"cli":        {".", "auth", "client", "explained", "ingest", "publog", "signed"},
			"config":     {".", "auth", "notify/mail", "publog", "quota", "seal", "signed"},
			"derive":     {".", "ingest", "ledger"},
			"edge":       {"."},
			"lostkeys":   {"auth", "publog", "signed", "store"},
			"notices":    {".", "auth", "catalog", "emergency", "jobs", "ledger", "notify", "notify/mail", "publog", "seal", "store"},
			"replicas":   {"ingest", "store"},
			"sitebackup": {"auth", "catalog", "ingest", "publog", "seal", "store"},
			"upkeep":     {".", "audit", "auth", "emergency"},
		}),
		// Examples are programs of others: what they import is public.
		arrows.Across("examples", "index", map[string][]string{"host": {".", "client"}}),
		arrows.Across("examples", "policy", map[string][]string{"host": {".", "signature", "trust"}, "krew-importer": {"signature"}}),
		arrows.Across("examples", "registry", map[string][]string{"krew-importer": {"remote"}}),
		arrows.Across("examples", "cmd", nil),
	}
}

// TestEveryRoomHasItsRule: a top-level folder with packages that no rule speaks
// of could import anything.
func TestEveryRoomHasItsRule(t *testing.T) {
	t.Parallel()
	watch(t, "../..")
	graph, err := arrows.Load(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]string{"artifact": "artifactRows", "policy": "policyRows", "registry": "registryRows", "index": "indexRows",
		"cmd/internal": "commandRows", "cmd/oarlock": "main alone", "examples": "acrossRules", "scripts": "tools, which nobody imports"}
	for _, pkg := range graph.Packages(arrows.Module) {
		known := false
		for room := range rooms {
			known = known || under(pkg, arrows.Module+"/"+room)
		}
		if !known {
			t.Errorf("%s stands in no room that has a rule", pkg)
		}
	}
	for _, pkg := range graph.Packages(arrows.Module) {
		for _, imported := range graph[pkg] {
			if to := arrows.Module + "/scripts"; under(imported, to) && !under(pkg, to) {
				t.Errorf("%s imports %s: scripts are tools, which nobody imports", pkg, imported)
			}
		}
	}
}

func TestWhatIsKnownAcrossRoomsIsNamed(t *testing.T) {
	t.Parallel()
	const m = arrows.Module
	graph := arrows.Graph{
		m + "/index":            {m + "/policy"},
		m + "/index/auth":       {m + "/policy", m + "/policy/ledger", m + "/index"},
		m + "/index/auth/inner": {m + "/policy/ledger/ledgertest"},
		m + "/index/jobs":       {m + "/policyholder"},
	}
	rule := arrows.Across("index", "policy", map[string][]string{"auth": {".", "ledger", "trust"}, "gone": {"trust"}})
	want := []string{
		m + "/index imports " + m + "/policy: its row allows [] of policy",
		m + "/index/auth/inner imports " + m + "/policy/ledger/ledgertest: its row allows [. ledger trust] of policy",
		"index/auth does not import trust of policy: take it from the row",
		"index/gone does not import trust of policy: take it from the row",
	}
	if diff := cmp.Diff(want, rule.Check(graph)); diff != "" {
		t.Errorf("offences (-want +got):\n%s", diff)
	}
}

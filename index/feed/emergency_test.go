package feed

import (
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// An emergency names the versions that must not run, and nothing else of the plugin:
// so does its entry, and that of its end.
func TestTheEntryOfAnEmergencyNamesItsVersions_E5(t *testing.T) {
	t.Parallel()
	version, err := artifact.ParseVersion("0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	whole, build, gone := digest.FromString("whole"), digest.FromString("build"), digest.FromString("gone")
	plugin := &catalog.Plugin{Versions: []catalog.Version{{Version: version, Digest: whole, Builds: []artifact.Build{{Digest: build}}}}}
	at := time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC)
	declared := func(body map[string]any) index.LedgerStatement {
		body["reason"] = "malware"
		return index.LedgerStatement{Sequence: 1, Digest: digest.FromString("declared"), Kind: string(format.EmergencyDeclared), At: at, Actor: "person:ada", Body: body}
	}
	end := index.LedgerStatement{Sequence: 2, Digest: digest.FromString("end"), Kind: string(format.EmergencyUndone), At: at, Actor: "person:ada",
		Body: map[string]any{"of": digest.FromString("declared").String()}}
	for name, row := range map[string]struct {
		body           map[string]any
		title, version string
		known          bool
	}{
		"a version with its builds": {map[string]any{"digests": []any{whole.String(), build.String()}}, "acme/hello 0.2.0", "0.2.0", true},
		"every version":             {map[string]any{"all": true, "digests": []any{whole.String()}}, "acme/hello (all versions)", "", true},
		"what is not here":          {map[string]any{"digests": []any{gone.String()}}, "acme/hello " + gone.String(), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := declared(row.body)
			stops, known := stoppedBy([]index.LedgerStatement{said, end}, plugin)
			if known != row.known {
				t.Errorf("known is %v", known)
			}
			got := stated("ledger", "acme/hello", said, stops)
			if got.Title != row.title+" is removed in an emergency: stop it" || got.Version != row.version {
				t.Errorf("title %q, version %q", got.Title, got.Version)
			}
			if want := row.title + " is removed in an emergency since 2028-01-02T00:00:00Z, by person:ada. Stop it wherever it runs. Reason: malware."; got.Text != want {
				t.Errorf("text %q, expected %q", got.Text, want)
			}
			if got := stated("ledger", "acme/hello", end, stops); got.Title != row.title+" is no longer removed in an emergency" {
				t.Errorf("the end is titled %q", got.Title)
			}
		})
	}
}

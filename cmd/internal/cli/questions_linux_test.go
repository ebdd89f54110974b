package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
)

// A deskServer answers about one emergency and one plugin, and counts what it is asked to
// change.
type deskServer struct {
	mu      sync.Mutex
	state   index.EmergencyState
	changes []string
}

func (d *deskServer) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.changes
	d.changes = nil
	return out
}

func (d *deskServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method != http.MethodGet {
		d.changes = append(d.changes, r.Method+" "+r.URL.Path)
	}
	var answer any
	at := time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)
	switch {
	case strings.HasSuffix(r.URL.Path, "/whoami"):
		answer = index.Caller{Principal: "person:grace", Kind: "person", Roles: []index.RoleHeld{}}
	case strings.Contains(r.URL.Path, "/emergencies/"):
		answer = index.Emergency{ID: "k3v9w2m7q4x1", State: d.state, Source: index.EmergencyOfSite, Plugin: "acme/hello", Version: "0.2.0",
			Digests: []digest.Digest{digest.FromString("version")}, Reason: "malware", Text: "steals keys", ProposedBy: "person:ada", CreatedAt: at,
			Approvers: 2, Words: []index.Word{{By: "person:ada", At: at}}, Undo: []index.Word{}, Statements: []digest.Digest{}, Settled: true,
			MayConfirm: []string{"person:grace"}}
	default:
		answer = index.Lifecycle{ID: "acme/hello", State: index.StateSuspended, Moves: []index.Move{{State: index.StateSuspended, At: at, By: "person:grace", Reason: "legal"}},
			Legal: []string{}, Warnings: []string{}, Ledger: index.LedgerHead{Reference: "acme/hello:oarlock-state", Sequence: 1,
				Head: digest.FromString("head"), Platform: "sha256:aa"}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// Proves L3 and E5: at a terminal each question says what follows, only yes does it, and no,
// the end of input and ^C change nothing; --yes asks nothing, and neither does what can be
// taken back.
func TestQuestionsOfTheLifecycleAtATerminal_L3_E5(t *testing.T) {
	t.Parallel()
	const confirm, undo, deletion = "POST /api/v1/emergencies/k3v9w2m7q4x1/confirm", "POST /api/v1/emergencies/k3v9w2m7q4x1/undo", "DELETE /api/v1/plugins/acme/hello"
	answers := []struct {
		typed string
		code  int
		does  bool
		says  string
	}{
		{"y\n", exitOK, true, ""}, {"YES\n", exitOK, true, ""}, {"n\n", exitUsage, false, "nothing was done"}, {"\n", exitUsage, false, "nothing was done"},
		{"yess\n", exitUsage, false, "nothing was done"}, {"\x04", exitUsage, false, "nothing was done"}, {"\x03", exitInterrupted, false, "interrupted"},
	}
	for _, row := range []struct {
		verb  string
		state index.EmergencyState
		asks  []string // what it shows before it is answered
		does  string
	}{
		{"emergency-remove confirm k3v9w2m7q4x1", index.EmergencyProposed,
			[]string{"acme/hello@0.2.0 (malware: steals keys)", digest.FromString("version").String(), "what it names is stopped wherever it runs"}, confirm},
		{"emergency-remove confirm k3v9w2m7q4x1", index.EmergencyRequested, []string{"nobody can pull it here from now on"}, confirm},
		{"emergency-remove undo k3v9w2m7q4x1", index.EmergencyInForce, []string{digest.FromString("version").String(), "another person has to agree within a day"}, undo},
		{"emergency-remove undo k3v9w2m7q4x1", index.EmergencyProposed, []string{"it can be pulled and run again"}, undo},
		{"delete acme/hello --reason legal", "", []string{"Delete acme/hello for good?", "This cannot be undone."}, deletion},
	} {
		t.Run(strings.TrimSpace(row.verb+" "+string(row.state)), func(t *testing.T) {
			t.Parallel()
			desk := &deskServer{state: row.state}
			server := httptest.NewServer(desk)
			t.Cleanup(server.Close)
			env := []string{"DOCKER_CONFIG=" + t.TempDir(), "OARLOCK_SERVER=" + server.URL}
			for _, answer := range answers {
				s := sit(t, 200, env, strings.Fields(row.verb)...)
				s.showing("Go on? [y/N]")
				before := s.shown.String()
				for _, want := range row.asks {
					if !strings.Contains(before, want) {
						t.Errorf("it asks without %q:\n%s", want, before)
					}
				}
				if did := desk.take(); len(did) > 0 {
					t.Errorf("before an answer: %v", did)
				}
				if _, err := s.master.WriteString(answer.typed); err != nil {
					t.Fatal(err)
				}
				code, did := s.leave(), desk.take()
				if code != answer.code || !strings.Contains(s.shown.String(), answer.says) || (len(did) == 1 && did[0] == row.does) != answer.does || !answer.does && len(did) > 0 {
					t.Errorf("answered %q: exit code %d, and it did %v\n%s", answer.typed, code, did, s.shown)
				}
			}
			s := sit(t, 200, env, append(strings.Fields(row.verb), "--yes")...)
			if code, did := s.leave(), desk.take(); code != exitOK || len(did) != 1 || strings.Contains(s.shown.String(), "Go on?") {
				t.Errorf("--yes: exit code %d, and it did %v\n%s", code, did, s.shown)
			}
		})
	}
	desk := &deskServer{state: index.EmergencyUndone}
	server := httptest.NewServer(desk)
	t.Cleanup(server.Close)
	env := []string{"DOCKER_CONFIG=" + t.TempDir(), "OARLOCK_SERVER=" + server.URL}
	for verb, code := range map[string]int{
		"suspend acme/hello --reason legal --existing stop": exitOK, // resume takes it back
		"delete acme/hello":                      exitUsage, // is refused anyhow
		"delete acme/hello --reason boredom":     exitUsage,
		"delete acme/hello@0.2.0 --reason legal": exitUsage,
		"emergency-remove undo k3v9w2m7q4x1":     exitOK, // what is over the server answers
	} {
		s := sit(t, 200, env, strings.Fields(verb)...)
		if got := s.leave(); got != code || strings.Contains(s.shown.String(), "Go on?") {
			t.Errorf("%s: exit code %d, expected %d and no question\n%s", verb, got, code, s.shown)
		}
	}
}

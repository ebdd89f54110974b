package trust_test

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/policy/trust"
)

// Proves D8 and G6: logs of other sites are named by their keys, and judge nothing.
func TestLogsAreNamedByTheirKeys_D8_G6(t *testing.T) {
	t.Parallel()
	keys := make([]string, 2)
	for i, origin := range []string{"b.example.org/log", "a.example.org/log"} {
		public, _, err := ed25519.GenerateKey(nil)
		if err == nil {
			keys[i], err = note.NewEd25519VerifierKey(origin, public)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	namespaces := "namespaces: {acme: {signature: optional}}\n"
	p := parse(t, namespaces+"logs: [\""+keys[0]+"\", \""+keys[1]+"\"]")
	if got := p.Logs(); !slices.Equal(got, []string{keys[1], keys[0]}) {
		t.Errorf("got %q", got)
	}
	if p.Digest() != parse(t, namespaces).Digest() {
		t.Error("a log changes the digest of what judges")
	}
	if got := (*trust.Policy)(nil).Logs(); got != nil {
		t.Errorf("no policy names %q", got)
	}
	for says, row := range map[string][2]string{
		"no key":         {`logs: [plugins.example.org]`, "logs[0]: \"plugins.example.org\": expected the key of a log"},
		"the same twice": {"logs: [\"" + keys[0] + "\", \"" + keys[0] + "\"]", "logs[1]"},
		"a wrong hash":   {"logs: [\"" + strings.Replace(keys[0], "+", "+0", 1) + "\"]", "logs[0]"},
	} {
		if _, err := trust.Parse([]byte(namespaces+row[0]), readKey); err == nil || !strings.Contains(err.Error(), row[1]) {
			t.Errorf("%s: got %v, want what says %q", says, err, row[1])
		}
	}
}

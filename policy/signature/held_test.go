package signature

import (
	"strings"
	"testing"

	"github.com/oarlock/oarlock/policy"
)

// TestAJudgementTakesTheRoomOfWhatItSays_K4: the memory of judgements is bounded in
// bytes, however much evidence others leave, and not in how many there are.
func TestAJudgementTakesTheRoomOfWhatItSays_K4(t *testing.T) {
	t.Parallel()
	j, err := New(Options{CacheSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	var much policy.Signature
	for range MaxFindings {
		much.Evidence = append(much.Evidence, policy.Finding{Detail: strings.Repeat("x", maxDetail)})
	}
	if n := heldBy(much); n < MaxFindings*maxDetail {
		t.Errorf("%d bytes for %d findings", n, len(much.Evidence))
	}
	for i := range 1024 {
		j.cache.Add(strings.Repeat("k", i+1), much, heldBy(much))
		if used := j.cache.Used(); used > 1024*judgementBytes {
			t.Fatalf("%d bytes are held after %d judgements", used, i+1)
		}
	}
}

package signature_test

import (
	"os"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
)

// TestAnOpenKeySignsWithoutItsFile_G1 takes the file and the password away once
// the key is open, and signs from many sides at once.
func TestAnOpenKeySignsWithoutItsFile_G1(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	asked := 0
	key, err := signature.OpenKey(t.Context(), s.key, func(bool) ([]byte, error) { asked++; return []byte("secret"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if public, err := os.ReadFile(s.public); err != nil || string(key.PublicKey()) != string(public) {
		t.Errorf("public key: got %q, want %q, %v", key.PublicKey(), public, err)
	}
	if err := os.Remove(s.key); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, format := range []string{policy.FormatCosignTag, policy.FormatCosignReferrer, policy.FormatBundle} {
		all.Go(func() {
			signed, err := signature.Sign(t.Context(), signature.SignOptions{Reference: s.host + "/acme/hello:1.0.0", Opened: key, Format: format})
			if err != nil || signed.PublicKey != string(key.PublicKey()) {
				t.Errorf("%s: got %+v, %v", format, signed, err)
			}
		})
	}
	all.Wait()
	if _, err := signature.Attest(t.Context(), signature.AttestOptions{Reference: s.host + "/acme/hello:1.0.0", Opened: key,
		PredicateType: "https://example.org/p", Predicate: []byte("{}")}); err != nil {
		t.Error(err)
	}
	v, err := s.verify(t, "acme/hello:1.0.0")
	if err != nil || len(v.Signature.Formats) != 3 || asked != 1 {
		t.Errorf("got %v, %v after %d questions for the password, want three forms and one question", v.Signature.Formats, err, asked)
	}
}

// BenchmarkSign is what opening a key costs, and then each signature.
func BenchmarkSign(b *testing.B) {
	s := newSite(b, true)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := signature.OpenKey(b.Context(), s.key, password("secret")); err != nil {
				b.Fatal(err)
			}
		}
	})
	key, err := signature.OpenKey(b.Context(), s.key, password("secret"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("sign", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := signature.Sign(b.Context(), signature.SignOptions{Reference: s.host + "/acme/hello:1.0.0", Opened: key,
				Format: policy.FormatCosignReferrer, Annotations: map[string]any{"n": i}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

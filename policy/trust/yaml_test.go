package trust_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/trust"
)

// A policy is refused in words that do not grow with what is wrong with it,
// and in a time that does not grow with its square.
func TestAPolicyOfManyKeysIsRefusedInFewWords(t *testing.T) {
	t.Parallel()
	many := func(n int, line func(int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
		}
		return b.String()
	}
	long := strings.Repeat("k", 1000)
	for name, text := range map[string]string{
		"one key again and again":       many(20_000, func(int) string { return "a: x\n" }),
		"a long key again and again":    many(3_000, func(int) string { return long + ": x\n" }),
		"many keys":                     many(300_000, func(i int) string { return fmt.Sprintf("k%x:\n", i) }),
		"many namespaces":               "namespaces:\n" + many(200_000, func(i int) string { return fmt.Sprintf("  n%d:\n", i) }),
		"many unknown keys":             many(9_000, func(i int) string { return fmt.Sprintf("k%x:\n", i) }),
		"many wrong namespaces":         "namespaces:\n" + many(9_000, func(i int) string { return fmt.Sprintf("  N_%d:\n", i) }),
		"one key in flow style":         "{" + many(20_000, func(int) string { return "a: x, " }) + "}",
		"an anchor of itself, repeated": many(10_000, func(int) string { return "a: &a [*a, *a]\n" }),
		"keys doubled in many mappings": "namespaces:\n" + many(9_000, func(i int) string { return fmt.Sprintf("  n%d: {a: 1, a: 2}\n", i) }),
		"a second document":             "namespaces: {}\n---\n" + many(200_000, func(i int) string { return fmt.Sprintf("k%x:\n", i) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			_, err := trust.Parse([]byte(text), nil)
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("%.200v, want invalid", err)
			}
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("it took %s", took)
			}
			if said := len(err.Error()); said > 64<<10 {
				t.Errorf("%d bytes were answered to %d, want at most 64 KiB: %.200s", said, len(text), err)
			}
		})
	}
}

// A key that comes twice is named with its line.
func TestADoubledKeyIsNamed(t *testing.T) {
	t.Parallel()
	_, err := trust.Parse([]byte("namespaces:\n  acme:\n    signature: required\n    signature: optional\n"), nil)
	if err == nil || !strings.Contains(err.Error(), `line 4: the key "signature" is there already`) {
		t.Errorf("%v", err)
	}
}

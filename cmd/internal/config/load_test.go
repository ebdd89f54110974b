package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// durations are all keys of c that are durations.
func durations(t reflect.Type, prefix string) (out []string) {
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("koanf")
		switch {
		case f.Type == reflect.TypeFor[time.Duration]():
			out = append(out, key)
		case f.Type.Kind() == reflect.Struct:
			out = append(out, durations(f.Type, key+".")...)
		}
	}
	return out
}

func nested(key, value string) string {
	var b strings.Builder
	parts := strings.Split(key, ".")
	for i, part := range parts {
		b.WriteString(strings.Repeat("  ", i) + part + ":")
		if i == len(parts)-1 {
			b.WriteString(" " + value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func loaded(t *testing.T, text string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), Input{File: file})
	return err
}

// A bare number would be nanoseconds: every duration is asked for its unit, and
// the refusal says what came and what was expected.
func TestADurationNeedsItsUnit(t *testing.T) {
	t.Parallel()
	keys := durations(reflect.TypeFor[Config](), "")
	if len(keys) < 10 {
		t.Fatalf("only %q are durations: the test looks in the wrong place", keys)
	}
	for _, key := range keys {
		for _, value := range []string{"24", "1.5", `"24"`, "soon", "true"} {
			err := loaded(t, nested(key, value))
			if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "expected a duration") || !strings.Contains(err.Error(), strings.Trim(value, `"`)) {
				t.Errorf("%s: %s: %v", key, value, err)
			}
		}
		for _, value := range []string{"0", "36h", "90s"} {
			if err := loaded(t, nested(key, value)); err != nil {
				t.Errorf("%s: %s: %v", key, value, err)
			}
		}
	}
}

func TestNumbersThatWouldLiftALimitAreRefused(t *testing.T) {
	t.Parallel()
	if err := loaded(t, nested("quota.bytes", "17179869184GiB")); err == nil {
		t.Error("2^64 bytes are taken, which are none")
	}
	c := Default()
	c.Quota.Bytes, c.Namespaces = -5, map[string]Settings{"acme": {Quota: Quota{Versions: -5, Layers: -1}}}
	err := c.Validate()
	if err == nil || !strings.Contains(err.Error(), "quota.bytes: -5") || !strings.Contains(err.Error(), "namespaces.acme.quota.versions: -5") || strings.Contains(err.Error(), "layers") {
		t.Errorf("got %v", err)
	}
}

func TestProblemsAreCounted(t *testing.T) {
	t.Parallel()
	err := loaded(t, "gc: {grace: 24, every: soon}\n")
	var problems *Error
	if e, ok := err.(*Error); ok {
		problems = e
	}
	if problems == nil || len(problems.Problems) != 2 {
		t.Errorf("two values are wrong: %+v", err)
	}
}

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTimesThatAreOver: as people say them.
func TestTimesThatAreOver_K1(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 15, 4, 5, 0, time.FixedZone("CET", 3600))
	for text, want := range map[string]string{
		"2026-01-31T12:00:00Z": "2026-01-31T12:00:00Z", "2026-01-31": "2026-01-30T23:00:00Z", "today": "2026-02-28T23:00:00Z", "yesterday": "2026-02-27T23:00:00Z",
		"36h": "2026-02-28T02:04:05Z", "7d": "2026-02-22T14:04:05Z", "2w": "2026-02-15T14:04:05Z", "90m": "2026-03-01T12:34:05Z", "0s": "2026-03-01T14:04:05Z",
	} {
		if got, err := parsePast(text, now); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v, expected %s", text, got.UTC().Format(time.RFC3339), err, want)
		}
	}
	for _, text := range []string{"tomorrow", "-3d", "3", "d", "2026-13-01", "9999999999d", "1e9h", "2026-01-31 12:00"} {
		if got, err := parsePast(text, now); err == nil {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestAnExportGoesOnAfterItsLastWholeRow_K1: whatever was cut.
func TestAnExportGoesOnAfterItsLastWholeRow_K1(t *testing.T) {
	t.Parallel()
	row := func(seq string) string {
		return `{"seq":` + seq + `,"at":"2026-03-01T12:00:00Z","actor":"person:ada","action":"a","resource":"site","outcome":"allowed","hash":"00"}` + "\n"
	}
	for name, c := range map[string]struct {
		before, after string
		last          int64
		fails         bool
	}{
		"nothing yet":          {"", "", 0, false},
		"whole":                {row("1") + row("7"), row("1") + row("7"), 7, false},
		"cut in a row":         {row("1") + row("7")[:20], row("1"), 1, false},
		"cut in the first row": {row("1")[:20], "", 0, false},
		"something else":       {"hello\n", "hello\n", 0, true},
		"other JSON lines":     {`{"a":1}` + "\n", `{"a":1}` + "\n", 0, true},
		"something binary":     {"\x1f\x8b\x00", "\x1f\x8b\x00", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			last, err := endOfExport(f)
			if (err != nil) != c.fails || last != c.last {
				t.Errorf("%d, %v", last, err)
			}
			if _, err := f.WriteString(strings.Repeat(row("9"), 1)); err != nil {
				t.Fatal(err)
			}
			if raw, err := os.ReadFile(path); err != nil || !c.fails && string(raw) != c.after+row("9") {
				t.Errorf("%q, %v", raw, err)
			}
		})
	}
}

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A witness that cannot be asked, or whose cosignature could not be verified, is
// refused before the server starts.
func TestWitnessesOfTheLog_G6(t *testing.T) {
	t.Parallel()
	const logKey = "plugins.example.org/log/other+497dd2e9+AUO+30kZIItVZGh9hA0H33XPAn6sX2HXOLKxSNrql1ad"
	for text, want := range map[string]string{
		`log: {witnesses: [{key: "nonsense", url: "https://w.example.org"}]}`:       "cosignature/v1",
		`log: {witnesses: [{key: "` + logKey + `", url: "https://w.example.org"}]}`: "type 4",
		`log: {witnesses: [{url: "https://w.example.org"}]}`:                        "log.witnesses",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(t.Context(), Input{File: file})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

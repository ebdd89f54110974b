package app

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

// What a browser began at one replica, or before a restart, ends at another.
func TestReplicasAndRestartsSealWithOneKey_B5(t *testing.T) {
	t.Parallel()
	seal := func(data string) []byte {
		t.Helper()
		key, err := sealKey(data)
		if err != nil || len(key) != 32 {
			t.Fatalf("%d bytes, %v", len(key), err)
		}
		return key
	}
	site := func() string {
		data := t.TempDir()
		key, err := config.NewPlatformKey()
		if err == nil {
			err = config.KeepPlatformKey(data, key)
		}
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	here, replica := site(), t.TempDir()
	first := seal(here)
	shared, err := os.ReadFile(filepath.Join(here, config.PlatformKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(shared, first) {
		t.Error("it is the platform's key itself")
	}
	if err := os.WriteFile(filepath.Join(replica, config.PlatformKeyFile), shared, 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, seal(here)) || !bytes.Equal(first, seal(replica)) {
		t.Error("a restart, or a replica with the same platform key, has another")
	}
	if bytes.Equal(first, seal(site())) {
		t.Error("two sites have the same")
	}
}

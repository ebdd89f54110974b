package client_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/index/client"
)

func FuzzReferencesAreReadOrRefused(f *testing.F) {
	for _, s := range []string{"127.0.0.1:7117/acme/tool:1.0.0", "h/acme/tool@sha256:00", "h/mirror/acme/tool:latest", "h/tool:1", "[::1]:5000/a/b", "//:@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := client.ParseReference(s)
		if err != nil {
			if kinds(err) != "invalid" {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if ref.Reference == "" || ref.Registry == "" {
			t.Errorf("%q reads as %+v", s, ref)
		}
		if _, err := client.NameOf(ref); err != nil && kinds(err) != "invalid" {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func FuzzDamagedFilesAreNamed(f *testing.F) {
	f.Add([]byte(`{"format": 1, "digest": "sha256:00", "state": {}}`))
	f.Add([]byte(`{"format": 1, "state": {"current": {"plugins": [{"id": "acme/tool"}]}}}`))
	f.Add([]byte(`{"format": 1, "resolved": [{"id": "acme/tool", "digest": "sha256:zz"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "state.json"), raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := client.OpenStore(dir, client.StoreOptions{}); err != nil && kinds(err) != "unverified" && kinds(err) != "invalid" {
			t.Errorf("state %q: %v", raw, err)
		}
		if l, err := client.ReadLockfile(filepath.Join(dir, "state.json")); err == nil {
			l.Locked()
		} else if kinds(err) != "invalid" {
			t.Errorf("lock file %q: %v", raw, err)
		}
	})
}

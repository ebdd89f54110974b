package app

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

// fillDisk writes until nothing more fits.
func fillDisk(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// TestSafetyOnAFullDisk: what takes rights away, keeps versions from being read
// and makes room works when the disk has nothing left; pushes are told why they
// do not, take nothing of the reserve, and go on when there is room. Proves A8, B12.
func TestSafetyOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	s, admin := startGuarded(t, func(c *config.Config) { c.Data = filepath.Join(disk, "data") })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": "mallory"}, 201)
	robot := ask[map[string]any](t, s, admin, "POST", "/api/v1/tokens", map[string]any{
		"kind": "robot", "label": "ci", "namespace": "acme", "scopes": []string{"repository:acme/*:pull,push"}, "expires_at": "2026-12-20T00:00:00Z"}, 201)
	pushAs(t, s, admin, 1)
	filler := filepath.Join(disk, "filler")
	fillDisk(t, filler)
	if err := tryPush(t, s, admin, 2); err == nil || !strings.Contains(err.Error(), "storage is full") {
		t.Errorf("a push on a full disk: %v", err)
	}
	offline, err := http.NewRequest("GET", s.URL()+"/auth/token?offline_token=true&client_id=x", nil)
	if err != nil {
		t.Fatal(err)
	}
	offline.SetBasicAuth("ci", admin)
	resp, err := visitor.Do(offline)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusInsufficientStorage {
		t.Errorf("a refresh token on a full disk: %s", resp.Status)
	}
	ask[any](t, s, admin, "DELETE", "/api/v1/tokens/"+robot["id"].(string), nil, 204)
	if s.reserves.held() {
		t.Error("the reserve is said to be kept on a full disk")
	}
	if said := readyz(t, s); !strings.HasPrefix(said, "ok, degraded: ") || !strings.Contains(said, "the disk is full") {
		t.Errorf("/readyz on a full disk: %q", said)
	}
	if err := tryPush(t, s, admin, 2); err == nil || !strings.Contains(err.Error(), "kept for acts of safety") {
		t.Errorf("a push took from the reserve: %v", err)
	}
	said := ask[map[string]any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "other"}, http.StatusInsufficientStorage)
	if said["code"] != "storage_full" {
		t.Errorf("a claim on a full disk: %v", said)
	}
	ask[any](t, s, admin, "PATCH", "/api/v1/accounts/person:mallory", map[string]any{"disabled": true}, 204)
	stopped := plugin(t, 1).Plugin
	ask[any](t, s, admin, "POST", "/api/v1/emergencies", map[string]any{"plugin": stopped.ID.String(), "version": stopped.Version.String(),
		"reason": "malware"}, 201)
	ask[any](t, s, admin, "POST", "/api/v1/admin/blocks", map[string]any{"repository": plugin(t, 1).Plugin.ID.String(), "reason": "bad", "code": "bad"}, 200)
	for _, call := range []string{"POST /api/v1/admin/gc", "GET /api/v1/admin/fsck"} {
		method, path, _ := strings.Cut(call, " ")
		r, err := http.NewRequest(method, s.URL()+path, bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+admin)
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		body.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || strings.Contains(body.String(), "internal error") {
			t.Errorf("%s: %s: %s", call, resp.Status, &body)
		}
	}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces/acme/close", map[string]any{}, 200)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "other"}, 201)
	if said := readyz(t, s); said != "ok\n" {
		t.Errorf("/readyz when there is room again: %q", said)
	}
}

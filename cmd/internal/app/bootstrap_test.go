package app

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
)

// TestTheBootstrapTokenGoesToAFile_B5: to a new one of the operator's alone, and
// then neither to the console nor into the log.
func TestTheBootstrapTokenGoesToAFile_B5(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev = false
	dir := t.TempDir()
	taken, link, target := filepath.Join(dir, "taken"), filepath.Join(dir, "link"), filepath.Join(dir, "target")
	if err := os.WriteFile(taken, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{taken, link} {
		c.Bootstrap.TokenFile = path
		if _, err := Open(t.Context(), c, options(io.Discard)); err == nil || !strings.Contains(err.Error(), "something is there already") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if kept, err := os.ReadFile(taken); err != nil || string(kept) != "mine" {
		t.Errorf("written over: %q, %v", kept, err)
	}
	if _, err := os.Lstat(target); !os.IsNotExist(err) {
		t.Errorf("written through a link: %v", err)
	}
	c.Bootstrap.TokenFile = filepath.Join(dir, "token")
	var notice, logged bytes.Buffer
	o := options(&notice)
	o.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, _ := startBy(t, c, o)
	raw, err := os.ReadFile(c.Bootstrap.TokenFile)
	info, statErr := os.Stat(c.Bootstrap.TokenFile)
	if err != nil || statErr != nil || info.Mode() != 0o600 {
		t.Fatal(info, err, statErr)
	}
	token := strings.TrimSpace(string(raw))
	if tokenText.MatchString(notice.String()) || !strings.Contains(notice.String(), "it ends at ") {
		t.Errorf("printed: %s", notice.String())
	}
	list := ask[index.TokenList](t, s, token, "GET", "/api/v1/tokens", nil, 200)
	if len(list.Items) != 1 || list.Items[0].ExpiresAt == nil || time.Until(*list.Items[0].ExpiresAt) > 30*24*time.Hour {
		t.Errorf("%+v", list.Items)
	}
	if strings.Contains(logged.String(), token) {
		t.Error("the log holds it")
	}
}

// TestTheBootstrapTokenIsBrought_B5: it counts where the site is founded, and
// never again.
func TestTheBootstrapTokenIsBrought_B5(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev = false
	first, second := GenerateToken(), GenerateToken()
	for _, token := range []string{first, second} {
		c.Bootstrap.Token = token
		var notice bytes.Buffer
		s, stop := startWith(t, c, &notice)
		ask[index.Caller](t, s, first, "GET", "/api/v1/whoami", nil, 200)
		ask[any](t, s, second, "GET", "/api/v1/whoami", nil, 401)
		if tokenText.MatchString(notice.String()) {
			t.Errorf("printed: %s", notice.String())
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	c.Bootstrap.Token = "hunter2hunter2"
	if _, err := Open(t.Context(), c, options(io.Discard)); err == nil || !strings.Contains(err.Error(), "bootstrap.token") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a weak one: %v", err)
	}
}

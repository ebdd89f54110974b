package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// config is one that works on a free port with its own data directory.
func config(t *testing.T) Config {
	t.Helper()
	c := Default()
	c.Data, c.Listen, c.Dev = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", true
	return c
}

func options(notice io.Writer) Options {
	return Options{Log: slog.New(slog.DiscardHandler), Notice: notice, Version: "test"}
}

// start serves until the test ends or stop is called, which waits for it.
func start(t *testing.T, c Config) (s *Server, stop func() error) {
	t.Helper()
	s, err := Open(t.Context(), c, options(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(s.Run(ctx), s.Close()) }()
	var result error
	done := false
	stop = func() error {
		if !done {
			cancel()
			result, done = <-ended, true
		}
		return result
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	<-s.index.ingest.ReadyC()
	return s, stop
}

func problems(t *testing.T, err error) string {
	t.Helper()
	var c *ConfigError
	if !errors.As(err, &c) || !errors.Is(err, ErrUnusable) {
		t.Fatalf("error %v, expected a ConfigError", err)
	}
	return strings.Join(c.Problems, "\n")
}

func TestTheBootstrapTokenIsShownOnceAndKeptHashed(t *testing.T) {
	t.Parallel()
	c := config(t)
	var first, second bytes.Buffer
	for _, notice := range []*bytes.Buffer{&first, &second} {
		s, err := Open(t.Context(), c, options(notice))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, token, ok := strings.Cut(strings.TrimSpace(first.String()), ": ")
	if !ok || !strings.HasPrefix(token, adminTokenBegin) || second.Len() != 0 {
		t.Fatalf("first start said %q, second %q", first.String(), second.String())
	}
	for _, name := range []string{adminTokenFile, platformKeyFile} {
		path := filepath.Join(c.Data, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		if raw, _ := os.ReadFile(path); strings.Contains(string(raw), strings.TrimPrefix(token, adminTokenBegin)) {
			t.Errorf("%s holds the token", name)
		}
	}
	admin, err := loadAdminToken(c.Data, func(string) { t.Error("another token was made") })
	if err != nil || !admin.accepts(token) || admin.accepts(token+"x") || admin.accepts("") {
		t.Errorf("the token is not known again: %v", err)
	}
}

func TestAdminCallsAskForTheTokenExceptInDev(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Dev = false
	var notice bytes.Buffer
	s, err := Open(t.Context(), c, options(&notice))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	token := strings.TrimSpace(notice.String()[strings.LastIndex(notice.String(), " ")+1:])
	ask := func(header ...string) error {
		r, _ := http.NewRequest("POST", "http://127.0.0.1/api/v1/admin/rebuild", nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return s.api.Authorize(r)
	}
	if err := ask("Authorization", "Bearer "+token); err != nil {
		t.Errorf("with the token: %v", err)
	}
	for name, header := range map[string][]string{"without": nil, "with another": {"Authorization", "Bearer x"}, "as basic": {"Authorization", "Basic " + token},
		"from a page of another site": {"Authorization", "Bearer " + token, "Sec-Fetch-Site", "cross-site"}} {
		if ask(header...) == nil {
			t.Errorf("%s: admitted", name)
		}
	}
	dev := authorizer(true, adminToken{})
	r, _ := http.NewRequest("POST", "http://127.0.0.1/", nil)
	if err := dev(r); err != nil {
		t.Errorf("dev: %v", err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if dev(r) == nil {
		t.Error("dev: a page of another site was admitted")
	}
}

func TestEveryReasonNotToStartIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := config(t)
	c.Listen = taken.Addr().String()
	if err := os.WriteFile(c.Data, []byte("a file, not a directory"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), c, options(io.Discard))
	got := problems(t, err)
	if !strings.Contains(got, "data: ") || !strings.Contains(got, "listen: ") || !strings.Contains(got, "address already in use") {
		t.Errorf("%s", got)
	}
}

func TestADataDirectoryThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		unwritable(t)
		return
	}
	c := config(t)
	if err := os.Mkdir(c.Data, 0o555); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), c, options(io.Discard))
	if got := problems(t, err); !strings.Contains(got, "data: ") {
		t.Errorf("%s", got)
	}
}

// unwritable is the same for those whom permissions do not stop.
func unwritable(t *testing.T) {
	c := config(t)
	c.Data = "/dev/null/data"
	_, err := Open(t.Context(), c, options(io.Discard))
	if got := problems(t, err); !strings.Contains(got, "data: ") {
		t.Errorf("%s", got)
	}
}

func TestTwoServersDoNotShareADataDirectory(t *testing.T) {
	t.Parallel()
	c := config(t)
	start(t, c)
	_, err := Open(t.Context(), c, options(io.Discard))
	if got := problems(t, err); !strings.Contains(got, "data: ") {
		t.Errorf("%s", got)
	}
}

func TestRegistryAndCatalogAreOnOneListener(t *testing.T) {
	t.Parallel()
	s, stop := start(t, config(t))
	for path, want := range map[string]int{"/v2/": 200, "/v2": 200, "/readyz": 200, "/livez": 200, "/metrics": 200, "/api/v1/catalog": 200, "/api/docs": 200, "/": 200, "/v2/acme/none/tags/list": 404, "/v3": 404} {
		resp, err := http.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want && !(path == "/v2" && resp.StatusCode < 400) {
			t.Errorf("%s: %d, expected %d", path, resp.StatusCode, want)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("it listens after it stopped")
	}
}

package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

// configured is one that works on a free port with its own data directory.
func configured(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.Dev = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", true
	c.Limits.Unready = 0 // nobody sends requests to a test's server
	return c
}

func options(notice io.Writer) Options {
	return Options{Log: slog.New(slog.DiscardHandler), Notice: notice, Version: "test"}
}

// start serves until the test ends or stop is called, which waits for it.
func start(t *testing.T, c config.Config) (s *Server, stop func() error) {
	t.Helper()
	return startWith(t, c, io.Discard)
}

func startWith(t *testing.T, c config.Config, notice io.Writer) (s *Server, stop func() error) {
	t.Helper()
	return startBy(t, c, options(notice))
}

func startBy(t *testing.T, c config.Config, o Options) (s *Server, stop func() error) {
	t.Helper()
	s, err := Open(t.Context(), c, o)
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
	var c *config.Error
	if !errors.As(err, &c) || !errors.Is(err, config.ErrUnusable) {
		t.Fatalf("error %v, expected a config.Error", err)
	}
	return strings.Join(c.Problems, "\n")
}

func TestEveryReasonNotToStartIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := configured(t)
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
	c := configured(t)
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
	c := configured(t)
	c.Data = "/dev/null/data"
	_, err := Open(t.Context(), c, options(io.Discard))
	if got := problems(t, err); !strings.Contains(got, "data: ") {
		t.Errorf("%s", got)
	}
}

func TestTwoServersDoNotShareADataDirectory(t *testing.T) {
	t.Parallel()
	c := configured(t)
	start(t, c)
	_, err := Open(t.Context(), c, options(io.Discard))
	if got := problems(t, err); !strings.Contains(got, "data: ") {
		t.Errorf("%s", got)
	}
}

func TestRegistryAndCatalogAreOnOneListener(t *testing.T) {
	t.Parallel()
	s, stop := start(t, configured(t))
	for path, want := range map[string]int{"/v2/": 200, "/v2": 200, "/readyz": 200, "/livez": 200, "/metrics": 200, "/api/v1/catalog": 200, "/api/docs": 200, "/": 200, "/v2/acme/none/tags/list": 404, "/v3": 404} {
		resp, err := visitor.Get(s.URL() + path)
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

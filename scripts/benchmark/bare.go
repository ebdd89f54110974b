package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// serveBare answers GET /small and /large from memory, with nothing between
// net/http and the bytes: what a Go server can do at most.
func serveBare(addr, dir string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, name := range []string{"small", "large"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		length := []string{strconv.Itoa(len(content))}
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h["Content-Type"], h["Content-Length"] = []string{"application/octet-stream"}, length
			_, _ = w.Write(content)
		})
	}
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// startBare runs this program once more, as the bare server.
func startBare(ctx context.Context, dir string, small, large []byte) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{"small": small, "large": large} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, "bare Go", dir, addr, "/small", nil, self, "-bare", fmt.Sprintf("%s=%s", addr, dir))
}

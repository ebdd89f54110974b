package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is one running peer.
type server struct {
	name string
	base string // http://127.0.0.1:port
	cmd  *exec.Cmd
	dir  string
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// start runs a command and waits until url answers.
func start(ctx context.Context, name, dir, addr, ready string, env []string, argv ...string) (*server, error) {
	logfile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = logfile, logfile
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s := &server{name: name, base: "http://" + addr, cmd: cmd, dir: dir}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		resp, err := http.Get(s.base + ready)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode < 300 || ready == "/" {
				return s, nil
			}
		}
	}
	s.stop()
	return nil, fmt.Errorf("start %s: no answer at %s%s in 30 s, see %s", name, s.base, ready, logfile.Name())
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		<-done
	}
}

// rss is the resident memory in MiB, by the kernel's account.
func (s *server) rss() float64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

func startOarlock(ctx context.Context, o options, dir string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return start(ctx, "oarlock", dir, addr, "/readyz", nil,
		o.oarlock, "serve", "--dev", "--data", filepath.Join(dir, "data"), "--listen", addr)
}

const distributionConfig = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}, maintenance: {uploadpurging: {enabled: false}}, cache: {blobdescriptor: inmemory}}
http: {addr: %q}
`

func startDistribution(ctx context.Context, o options, dir string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, distributionConfig, filepath.Join(dir, "data"), addr), 0o600); err != nil {
		return nil, err
	}
	return start(ctx, "distribution", dir, addr, "/v2/", []string{"OTEL_TRACES_EXPORTER=none"}, o.registry, "serve", config)
}

const zotConfig = `{"distSpecVersion":"1.1.1","storage":{"rootDirectory":%q,"dedupe":false,"gc":false,"commit":false},"http":{"address":%q,"port":%q},"log":{"level":"error"}}`

func startZot(ctx context.Context, o options, dir string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, fmt.Appendf(nil, zotConfig, filepath.Join(dir, "data"), host, port), 0o600); err != nil {
		return nil, err
	}
	return start(ctx, "zot", dir, addr, "/v2/", nil, o.zot, "serve", config)
}

const nginxConfig = `worker_processes 2; daemon off; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  server { listen %[2]s; root %[1]s/www; default_type application/octet-stream; } }
`

// startNginx serves the files small and large, the yardstick for bytes.
func startNginx(ctx context.Context, o options, dir string, small, large []byte) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "www"), 0o755); err != nil {
		return nil, err
	}
	for name, content := range map[string][]byte{"small": small, "large": large} {
		if err := os.WriteFile(filepath.Join(dir, "www", name), content, 0o644); err != nil {
			return nil, err
		}
	}
	for d := dir; d != filepath.Dir(d) && strings.Contains(d, "oarlock-bench-"); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, addr), 0o600); err != nil {
		return nil, err
	}
	return start(ctx, "nginx", dir, addr, "/small", nil, o.nginx, "-c", config, "-p", dir)
}

//go:build unix

package cli

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Proves B12: whatever the umask, and whichever verb writes them, the files of a
// site and of its backups are its owner's alone.
func TestFilesOfASiteArePrivate_B12(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	open := func(args ...string) *exec.Cmd {
		cmd := exec.Command("sh", append([]string{"-c", `umask 0; exec oarlock "$@"`, "sh"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "DOCKER_CONFIG="+in("docker"))
		return cmd
	}
	serve := func(args ...string) (url string, stop func()) {
		t.Helper()
		server, log := open(append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...), newLogTail()
		server.Stderr = log
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Process.Kill() }) // where it did not end by itself
		url, problem := log.wait(regexp.MustCompile(`msg=listening.* url=(\S+)`), make(chan int))
		if problem != "" {
			t.Fatal(problem)
		}
		return url, func() {
			t.Helper()
			if err := server.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if code := exitOf(t, server); code != exitOK {
				t.Fatalf("exit code %d\n%s", code, log.String())
			}
		}
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := open(args...).CombinedOutput(); err != nil {
			t.Fatalf("oarlock %v: %v\n%s", args, err, bytes.TrimSpace(out))
		}
	}
	url, stop := serve("--dev", "--data", in("data"))
	run("init", in("hello"), "--id", "acme/hello")
	run("push", in("hello"), strings.TrimPrefix(url, "http://")+"/acme/hello:0.1.0")
	run("backup", in("vault"), "--data", in("data"), "--dev")
	stop()
	run("restore-backup", in("vault"), "--data", in("restored"), "--dev")
	_, stop = serve("--data", in("site"))
	stop()
	run("token", "recover", "--data", in("site"))
	for _, root := range []string{"data", "vault", "restored", "site"} {
		private(t, in(root))
	}
}

// private fails for whatever in root others may read or write.
func private(t *testing.T, root string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		seen++
		return err
	})
	if err != nil || seen < 10 {
		t.Errorf("%s: %d files, %v", root, seen, err)
	}
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/oarlock/oarlock/registry/remote"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// openTerminal makes a pseudo-terminal: what is written to the master is typed,
// what is read from it was shown.
func openTerminal(t *testing.T, columns uint16) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	ioctl := func(f *os.File, request uintptr, arg unsafe.Pointer) {
		t.Helper()
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); e != 0 {
			t.Fatalf("ioctl %x: %v", request, e)
		}
	}
	var number, unlock int32
	ioctl(master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	ioctl(master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := [4]uint16{24, columns}
	ioctl(master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	return master, tty
}

// A seat is the program at a terminal of its own.
type seat struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	shown  *screen
	ended  chan struct{}
}

// screen is what a terminal has shown.
type screen struct {
	mu  sync.Mutex
	all []byte
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, b...)
	return len(b), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.all)
}

// sit starts the program with stdin and stderr, and stdout too, on a terminal.
func sit(t *testing.T, columns uint16, env []string, args ...string) *seat {
	t.Helper()
	return sitWith(t, columns, append([]string{"COSIGN_PASSWORD="}, env...), args...)
}

// sitWith is sit without the password of keys, unless env has it.
func sitWith(t *testing.T, columns uint16, env []string, args ...string) *seat {
	t.Helper()
	master, tty := openTerminal(t, columns)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &seat{t: t, cmd: exec.Command(self), master: master, shown: &screen{}, ended: make(chan struct{})}
	s.cmd.Args = append([]string{"oarlock"}, args...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.Env = append(append(os.Environ(), "TERM=xterm-256color"), env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	go func() {
		io.Copy(s.shown, master) // ends with EIO when the last writer has gone
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		master.Close()
	})
	return s
}

// leave waits for the program, and fails when it does not return.
func (s *seat) leave() int {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			s.t.Fatal(err)
		}
	case <-time.After(time.Minute):
		s.t.Fatalf("%v did not return; the terminal shows\n%q", s.cmd.Args, s.shown)
	}
	<-s.ended
	return s.cmd.ProcessState.ExitCode()
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

var drawing = regexp.MustCompile(`\[[=>-]*\]`)

// fits fails for a bar that is wider than the terminal: its redraws would climb
// over what stands above.
func (s *seat) fits(columns int) {
	s.t.Helper()
	for _, line := range regexp.MustCompile(`[\r\n]+`).Split(escapes.ReplaceAllString(s.shown.String(), ""), -1) {
		if n := len([]rune(line)); drawing.MatchString(line) && n > columns {
			s.t.Errorf("%v: a bar of %d columns on a terminal of %d:\n%s", s.cmd.Args, n, columns, line)
		}
	}
}

// Every verb that draws progress comes back, at any width, with colours or not.
// Proves L3.
func TestVerbsWithProgressReturnOnATerminal_L3(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{60, 120} {
		for _, env := range [][]string{nil, {"NO_COLOR=1"}, {"TERM=dumb"}} {
			t.Run(fmt.Sprint(columns, env), func(t *testing.T) {
				t.Parallel()
				verbsAtATerminal(t, columns, env)
			})
		}
	}
}

func verbsAtATerminal(t *testing.T, columns int, env []string) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	serve := func(args ...string) (address string) {
		cmd, log := program(t, append([]string{"serve", "--dev", "--listen", "127.0.0.1:0"}, args...)...)
		url, problem := log.wait(regexp.MustCompile(`msg=listening.* url=(\S+)`), make(chan int))
		if problem != "" {
			t.Fatal(problem)
		}
		if _, problem := log.wait(regexp.MustCompile(`msg="catalog serves"()`), make(chan int)); problem != "" {
			t.Fatal(problem)
		}
		t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM) })
		return strings.TrimPrefix(url, "http://")
	}
	from, to := serve("--data", in("data")), serve("--data", in("data2"))
	drawn := 0
	run := func(want string, args ...string) {
		t.Helper()
		s := sit(t, uint16(columns), append(env, "OARLOCK_SERVER=http://"+from, "DOCKER_CONFIG="+dir), args...)
		if code := s.leave(); code != exitOK || !strings.Contains(strings.ReplaceAll(s.shown.String(), "\r\n", ""), want) {
			t.Fatalf("oarlock %v: exit code %d, expected %q in\n%s", args, code, want, s.shown)
		}
		text := s.shown.String()
		if strings.Contains(text, "\x1b[") {
			drawn++
		}
		if len(env) > 0 && regexp.MustCompile(`\x1b\[[0-9;]*m`).MatchString(text) {
			t.Errorf("oarlock %v: colours, with %v:\n%q", args, env, text)
		}
		s.fits(columns)
	}
	run("hello", "init", in("hello"), "--id", "acme/hello")
	run("sha256:", "pack", in("hello"), "-o", in("hello.tar"))
	run("acme.pub", "key", "generate", in("acme"))
	run("acme/hello", "push", in("hello.tar"), from+"/acme/hello:0.1.0", "--sign", "--key", in("acme.key"))
	run("acme/hello", "push", in("hello.tar"), from+"/acme/hello:0.1.0") // all is there: no bar is ever full
	run("copied", "mirror", from, to, "--repository", "acme/hello")
	run("0 missing", "mirror", from, to, "--check", "--repository", "acme/hello")
	run("damaged 0", "backup", in("backups"), "--data", in("data"), "--dev")
	run("whole", "backup", "verify", in("backups"))
	run("catalog agrees", "restore-backup", in("backups"), "--data", in("restored"), "--dev")
	run("", "scrub")
	run("", "fsck")
	run("", "rebuild", "--check")
	run("hello", "pull", from+"/acme/hello:0.1.0", "-d", in("got"), "--key", in("acme.pub"))
	if dumb := len(env) > 0 && env[0] == "TERM=dumb"; dumb != (drawn == 0) {
		t.Errorf("%d verbs drew, with %v", drawn, env)
	}
}

// What a push hears need not add up to the sizes: a retry sends twice, a part
// that is there already sends nothing.
func TestProgressEndsWhateverWasCounted_L3(t *testing.T) {
	t.Parallel()
	for name, bytes := range map[string]int64{"nothing was sent": 0, "less was sent": 10, "more was sent": 5000} {
		for _, failed := range []error{nil, errors.New("the registry closed the connection")} {
			master, tty := openTerminal(t, 80)
			go io.Copy(io.Discard, master)
			c := &console{Streams: Streams{Err: tty}}
			p := c.newProgress()
			d := ocispec.Descriptor{Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Size: 1000}
			p.push(remote.Event{Step: remote.Started, Descriptor: d})
			p.push(remote.Event{Step: remote.Sending, Descriptor: d, Bytes: bytes})
			ended := make(chan struct{})
			go func() { p.done(failed); close(ended) }()
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				t.Fatalf("%s (%v): done never returns", name, failed)
			}
			tty.Close()
			master.Close()
		}
	}
}

// ^C ends a verb that draws, wherever it waits.
func TestControlCEndsVerbsWithProgress_L3(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code := Run(t.Context(), []string{"init", filepath.Join(dir, "hello"), "--id", "acme/hello"}, Streams{Out: io.Discard, Err: io.Discard}, ""); code != 0 {
		t.Fatal(code)
	}
	for _, args := range [][]string{
		{"push", filepath.Join(dir, "hello"), "ADDRESS/acme/hello:0.1.0"},
		{"mirror", "ADDRESS", "ADDRESS/copy", "--repository", "acme/hello"},
		{"pull", "ADDRESS/acme/hello:0.1.0", "-d", filepath.Join(dir, "got"), "--insecure-skip-signatures"},
		{"scrub", "--server", "http://ADDRESS"},
	} {
		t.Run(args[0], func(t *testing.T) {
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			for i, a := range args {
				args[i] = strings.ReplaceAll(a, "ADDRESS", silent.Addr().String())
			}
			s := sit(t, 80, []string{"DOCKER_CONFIG=" + dir}, args...)
			conn, err := silent.Accept() // it has asked, and waits for an answer that never comes
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := s.master.Write([]byte{3}); err != nil {
				t.Fatal(err)
			}
			if code := s.leave(); code != exitInterrupted || !strings.Contains(s.shown.String(), "interrupted") {
				t.Errorf("exit code %d\n%s", code, s.shown)
			}
		})
	}
}

// What takes something from others is asked about at a terminal; no is no, yes
// and --yes go on, and without a terminal scripts go on as before. Proves L3.
func TestAPersonIsAskedBeforeOthersLoseSomething_L3(t *testing.T) {
	t.Parallel()
	env := []string{"DOCKER_CONFIG=" + t.TempDir(), "OARLOCK_SERVER=http://127.0.0.1:1"} // nothing listens there
	for _, row := range []struct{ asks, verb string }{
		{"removes for good", "gc"},
		{"nobody can pull acme/hello@1.0.0", "block acme/hello@1.0.0 --reason bad"},
		{"replaces keys", "catalog root rotate"},
		{"disables ada", "account change ada --disabled=true"},
		{"closes acme", "publisher close acme"},
	} {
		args := strings.Fields(row.verb)
		for answer, goesOn := range map[string]bool{"n\n": false, "\n": false, "y\n": true} {
			s := sit(t, 120, env, args...)
			s.master.Write([]byte(answer))
			code := s.leave()
			if shown := s.shown.String(); !strings.Contains(shown, row.asks) || (code == exitUsage) == goesOn || goesOn == strings.Contains(shown, "nothing was done") {
				t.Errorf("%s, answered %q: exit code %d\n%s", row.verb, answer, code, shown)
			}
		}
		s := sit(t, 120, env, append(args, "--yes")...)
		if code := s.leave(); code == exitUsage || strings.Contains(s.shown.String(), "Go on?") {
			t.Errorf("%s --yes: exit code %d\n%s", row.verb, code, s.shown)
		}
	}
	s := sit(t, 120, env, "gc", "--dry-run")
	if s.leave(); strings.Contains(s.shown.String(), "Go on?") {
		t.Errorf("a dry run asks:\n%s", s.shown)
	}
	for _, args := range [][]string{{"gc"}, {"block", "acme/hello@1.0.0", "--reason", "bad"}} {
		if code, out := runWith(t, env, args...); code == exitUsage {
			t.Errorf("%v without a terminal: %s", args, out)
		}
	}
}

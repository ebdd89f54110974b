//go:build unix

package cli

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// program runs the test binary as the real program, in its own process.
func program(t *testing.T, args ...string) (*exec.Cmd, *logTail) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := newLogTail()
	cmd := exec.Command(self)
	cmd.Args = append([]string{"oarlock"}, args...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd, log
}

func exitOf(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func TestSIGTERMDrainsTheServerAndExits0(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		cmd, log := program(t, "serve", "--dev", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0")
		if _, problem := log.wait(regexp.MustCompile(`msg=listening.* url=(\S+)`), make(chan int)); problem != "" {
			t.Fatal(problem)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if code := exitOf(t, cmd); code != exitOK || !strings.Contains(log.String(), "stopped") {
			t.Errorf("%v: exit code %d\n%s", sig, code, log)
		}
	}
}

// TestCtrlCDoesNotWaitForLoadBalancers: SIGTERM serves on for limits.unready,
// ^C of a person at a terminal does not. Proves A8.
func TestCtrlCDoesNotWaitForLoadBalancers(t *testing.T) {
	t.Parallel()
	const leaving = `msg="leaving: not ready any more, still serving"()`
	serve := func() (*exec.Cmd, *logTail) {
		cmd := exec.Command(os.Args[0])
		cmd.Args = []string{"oarlock", "serve", "--dev", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0"}
		cmd.Env = append(os.Environ(), "OARLOCK_LIMITS_UNREADY=1h")
		log := newLogTail()
		cmd.Stderr = log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		if _, problem := log.wait(regexp.MustCompile(`msg=listening.* url=(\S+)`), make(chan int)); problem != "" {
			t.Fatal(problem)
		}
		return cmd, log
	}
	typed, log := serve()
	if err := typed.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := exitOf(t, typed); code != exitOK || !strings.Contains(log.String(), "stopped") {
		t.Errorf("^C: exit code %d\n%s", code, log)
	}
	told, log := serve()
	if err := told.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, problem := log.wait(regexp.MustCompile(leaving), make(chan int)); problem != "" {
		t.Fatal(problem)
	}
	if err := told.Process.Signal(syscall.SIGTERM); err != nil { // the second ends at once
		t.Fatal(err)
	}
	if exitOf(t, told); told.ProcessState.Success() {
		t.Errorf("a second signal drained: it should have ended the process\n%s", log)
	}
}

func TestInterruptedVerbsExit130(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cmd, log := program(t, "search", "--server", "http://"+silent.Addr().String())
	conn, err := silent.Accept() // it has asked, and waits for an answer that never comes
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitOf(t, cmd); code != exitInterrupted || !strings.Contains(log.String(), "interrupted") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}

func TestTheExitCodeFollowsTheKind(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		errors.New("disk on fire"):     exitFailure,
		usagef("what?"):                exitUsage,
		context.Canceled:               exitInterrupted,
		errInterrupted:                 exitInterrupted,
		argument(errors.New("a typo")): exitUsage,
	} {
		if got := exitCode(err); got != want {
			t.Errorf("%v: exit code %d, expected %d", err, got, want)
		}
	}
}

package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// showing waits until the terminal shows text.
func (s *seat) showing(text string) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(s.shown.String(), text); {
		select {
		case <-s.ended:
			s.t.Fatalf("%v ended without %q:\n%s", s.cmd.Args, text, s.shown)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(end) {
			s.t.Fatalf("%v never showed %q:\n%s", s.cmd.Args, text, s.shown)
		}
	}
}

// echoes reports whether the terminal shows what is typed.
func (s *seat) echoes() bool {
	s.t.Helper()
	var state syscall.Termios
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, s.master.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&state))); e != 0 {
		s.t.Fatal(e)
	}
	return state.Lflag&syscall.ECHO != 0
}

// The first ^C at a question ends the program, and the terminal shows again what
// is typed. Proves L3.
func TestControlCEndsQuestions_L3(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if code, out := runWith(t, []string{"COSIGN_PASSWORD=secret"}, "key", "generate", in("acme")); code != exitOK {
		t.Fatal(out)
	}
	if err := os.WriteFile(in("note.json"), []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"DOCKER_CONFIG=" + dir, "OARLOCK_SERVER=http://127.0.0.1:1"} // nothing listens there
	const hidden, shown = false, true
	for _, row := range []struct {
		asks string
		echo bool
		args []string
	}{
		{"Go on?", shown, []string{"publisher", "close", "acme"}},
		{"Go on?", shown, []string{"gc"}},
		{"password or token:", hidden, []string{"login", "127.0.0.1:1"}},
		{"password of the key:", hidden, []string{"key", "generate", in("other")}},
		{"password of the key:", hidden, []string{"sign", "127.0.0.1:1/acme/hello:0.1.0", "--key", in("acme.key")}},
		{"password of the key:", hidden, []string{"attest", "127.0.0.1:1/acme/hello:0.1.0", "--key", in("acme.key"), "--type", "https://example.org/note", "--predicate", in("note.json")}},
		{"reading the password", shown, []string{"login", "127.0.0.1:1", "--password-stdin"}},
		{"reading the secret", shown, []string{"publisher", "accept"}},
		{"reading the predicate", shown, []string{"attest", "127.0.0.1:1/acme/hello:0.1.0", "--key", in("acme.key"), "--type", "https://example.org/note", "--predicate", "-"}},
	} {
		t.Run(strings.Join(row.args[:1], " ")+" "+row.asks, func(t *testing.T) {
			s := sitWith(t, 120, env, row.args...)
			s.showing(row.asks)
			// The question comes first, then the terminal is told to hide, and nothing
			// announces that: it can only be looked at again.
			for began := time.Now(); !row.echo && s.echoes(); time.Sleep(time.Millisecond) {
				if time.Since(began) > time.Minute {
					t.Fatalf("what is typed is shown:\n%s", s.shown)
				}
			}
			if _, err := io.WriteString(s.master, "\x03"); err != nil {
				t.Fatal(err)
			}
			if code := s.leave(); code != exitInterrupted || !strings.Contains(s.shown.String(), "interrupted") {
				t.Errorf("exit code %d\n%s", code, s.shown)
			}
			if !s.echoes() {
				t.Errorf("the terminal no longer shows what is typed")
			}
		})
	}
	if _, err := os.Stat(in("other.key")); err == nil {
		t.Error("key generate wrote a key although it was interrupted")
	}
}

package durable_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/artifact/durable"
)

// holdLock is the path that this process, started again by a test, locks until
// it is killed.
const holdLock = "OARLOCK_TEST_HOLD_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdLock); path != "" {
		if _, err := durable.Lock(path); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("held\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestALockExcludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	if _, err := durable.LockShared(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("shared without a file: %v, want %v", err, fs.ErrNotExist)
	}
	unlock, err := durable.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, lock := range map[string]func(string) (func() error, error){"alone": durable.Lock, "shared": durable.LockShared} {
		if _, err := lock(path); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("%s, while somebody has it: %v, want %v", name, err, durable.ErrLocked)
		}
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	first, err := durable.LockShared(path)
	second, err2 := durable.LockShared(path)
	if err := errors.Join(err, err2); err != nil {
		t.Fatalf("two who share: %v", err)
	}
	if _, err := durable.Lock(path); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("alone, while two share: %v, want %v", err, durable.ErrLocked)
	}
	if err := errors.Join(first(), second()); err != nil {
		t.Fatal(err)
	}
	if unlock, err = durable.Lock(path); err != nil {
		t.Fatalf("after all have gone: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func TestALockEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	self := exec.Command(os.Args[0])
	self.Env = append(os.Environ(), holdLock+"="+path)
	out, err := self.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	if _, err := durable.Lock(path); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("while the other lives: %v, want %v", err, durable.ErrLocked)
	}
	if err := self.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = self.Wait() // it was killed
	unlock, err := durable.Lock(path)
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

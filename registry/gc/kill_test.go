package gc_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/oarlock/oarlock/registry/gc"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// childDir is set when the test binary runs as a collector to be killed,
// childClock then says how far its clock is ahead.
const (
	childDir   = "OARLOCK_TEST_GC_DIR"
	childClock = "OARLOCK_TEST_GC_CLOCK"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, collectUntilKilled(dir, os.Getenv(childClock)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// collectUntilKilled collects again and again, and writes a line for each step.
func collectUntilKilled(dir, ahead string) error {
	offset, err := time.ParseDuration(ahead)
	if err != nil {
		return err
	}
	reg, err := registrytest.Open(context.Background(), registrytest.Dir(dir))
	if err != nil {
		return err
	}
	c := gc.New(reg.Storage, reg.Blocks, reg, gc.Options{
		Grace: time.Hour, Now: func() time.Time { return time.Now().Add(offset) }, Log: slog.New(slog.DiscardHandler),
		Item: func(gc.Item) { fmt.Println("item") }, Progress: func(gc.Progress) { fmt.Println("progress") },
	})
	for {
		if _, err := c.Run(context.Background(), false); err != nil {
			return err
		}
		offset += 2 * time.Hour
	}
}

// reopen opens the directory as a site, until close.
func reopen(t *testing.T, dir string) (x *site, closeIt func()) {
	t.Helper()
	reg, err := registrytest.Open(t.Context(), registrytest.Dir(dir), registrytest.Free("free"))
	if err != nil {
		t.Fatal(err)
	}
	x = &site{client: newClient(t, reg.Registry), s: &registrytest.Server{Opened: reg}, dir: dir, now: time.Now().Add(1e5 * time.Hour)}
	x.gc = gc.New(reg.Storage, reg.Blocks, reg, gc.Options{Grace: time.Hour, Now: func() time.Time { return x.now }, Log: slog.New(slog.DiscardHandler)})
	return x, func() {
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
	}
}

// fill pushes what must stay, and garbage of every kind beside it.
func (x *site) fill(l *ledger, round int) {
	for n := range 4 {
		version, own := fmt.Sprintf("%d.%d.0", round, n), fmt.Sprintf("layer %d %d", round, n)
		v := x.push("acme/hello", version, plugin("acme/hello", version, x.blob("acme/hello", own), x.blob("acme/hello", "shared")))
		l.tagged("acme/hello", version, v.Digest, true)
		s := x.push("acme/hello", "", image("sig "+own, v.Digest, x.blob("acme/hello", "sig "+own)))
		l.referred("acme/hello", s.Digest, v.Digest)

		lost := x.push("free/x", "moving", image(own, "", x.blob("free/x", own), x.blob("free/x", "lost "+own)))
		x.push("free/x", "", image("sig "+own, lost.Digest, x.blob("free/x", "lost sig "+own)))
		x.push("free/x", "", index("untagged "+own, x.push("free/x", "", image("child "+own, ""))))
		x.blob("acme/hello", "stray "+own)
	}
	keep := x.push("free/x", "moving", image("last", "", x.blob("free/x", "shared")))
	l.tagged("free/x", "moving", keep.Digest, false)
}

func TestKilledCollectorLosesNothingAndLeavesNothing_B8(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir, l, r := t.TempDir(), newLedger(), rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for round := range 6 {
		x, closeIt := reopen(t, dir)
		x.fill(l, round)
		closeIt()
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%dh", childClock, 1000*(round+1)))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 1 + r.IntN(120); n > 0 && lines.Scan(); n-- {
			continue
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if child.Wait(); lines.Err() != nil {
			t.Fatal(lines.Err())
		}
		x, closeIt = reopen(t, dir)
		for _, repo := range []string{"acme/hello", "free/x"} {
			x.pull(repo)
		}
		closeIt()
	}
	x, closeIt := reopen(t, dir)
	defer closeIt()
	x.run(0, false)
	x.run(hours, false)
	x.verify(l)
}

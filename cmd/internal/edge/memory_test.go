package edge

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestMemoryIsTheLeastLimit(t *testing.T) {
	t.Parallel()
	unknown := func() (uint64, error) { return 0, errors.New("no control groups here") }
	for name, row := range map[string]struct {
		group, machine memlimit.Provider
		want           uint64 // 0 is an error
	}{
		"a machine":                  {unknown, memlimit.Limit(16 << 30), 16 << 30},
		"a container":                {memlimit.Limit(512 << 20), memlimit.Limit(16 << 30), 512 << 20},
		"a group without a limit":    {memlimit.Limit(math.MaxInt64 - 4095), memlimit.Limit(16 << 30), 16 << 30},
		"a system that says nothing": {unknown, unknown, 0},
		"a system without memory":    {unknown, memlimit.Limit(0), 0},
	} {
		if got, err := least(row.group, row.machine)(); got != row.want || (err != nil) != (row.want == 0) {
			t.Errorf("%s: %d, %v, want %d", name, got, err, row.want)
		}
	}
}

// TestLimitMemory changes the limit of this process, and so runs alone.
func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	var log bytes.Buffer
	LimitMemory(slog.New(slog.NewTextHandler(&log, nil)))
	if got := debug.SetMemoryLimit(-1); got <= 0 || got == math.MaxInt64 || !strings.Contains(log.String(), "soft limit") {
		t.Errorf("limit %d, log %q", got, log.String())
	}
}

package edge

import (
	"bufio"
	"bytes"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory gives the heap of this process a soft limit of nine tenths of
// what it may have, so that the collector works harder before the kernel ends
// it. Where GOMEMLIMIT is set, that is what counts; where nothing is known,
// nothing is done.
func LimitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	have, source := memory(os.DirFS("/"))
	if have <= 0 {
		return
	}
	limit := have / 10 * 9
	debug.SetMemoryLimit(limit)
	log.Info("memory: soft limit of the heap", "bytes", limit, "of", have, "by", source)
}

// memory is how many bytes this process may have: the least limit of its
// control group and of those above it, or else what the machine has. 0 is not known.
//
// Source: Linux, control groups version 2 and 1.
func memory(root fs.FS) (bytes int64, source string) {
	least := int64(math.MaxInt64)
	lower := func(file string) {
		if raw, err := fs.ReadFile(root, file); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil && n > 0 && n < least {
				least, source = n, "/"+file
			}
		}
	}
	for line := range lines(root, "proc/self/cgroup") {
		_, rest, _ := strings.Cut(line, ":")
		controllers, group, _ := strings.Cut(rest, ":")
		base, file := "sys/fs/cgroup", "memory.max"
		if controllers != "" {
			if !strings.Contains(","+controllers+",", ",memory,") {
				continue
			}
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			lower(path.Join(base, group, file))
			if group == "/" {
				break
			}
		}
	}
	total := int64(0)
	for line := range lines(root, "proc/meminfo") {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64); err == nil {
				total = n << 10
			}
		}
	}
	if total > 0 && total < least {
		return total, "/proc/meminfo"
	}
	if least == math.MaxInt64 {
		return 0, ""
	}
	return least, source
}

func lines(root fs.FS, file string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		raw, err := fs.ReadFile(root, file)
		if err != nil {
			return
		}
		scan := bufio.NewScanner(bytes.NewReader(raw))
		for scan.Scan() && yield(scan.Text()) {
		}
	}
}

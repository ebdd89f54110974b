package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpu is the processor time that the server and its children have taken, by
// the kernel's account in ticks of 10 ms. Unlike rates it means something on a
// machine that others use too.
func (s *server) cpu() time.Duration {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	own := strconv.Itoa(s.cmd.Process.Pid)
	var ticks int64
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		_, rest, ok := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 13 || filepath.Base(filepath.Dir(path)) != own && fields[1] != own {
			continue
		}
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		ticks += user + system
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// each is the processor time of one of n things, in microseconds.
func each(took time.Duration, n float64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatFloat(float64(took.Microseconds())/n, 'f', 0, 64) + " µs"
}

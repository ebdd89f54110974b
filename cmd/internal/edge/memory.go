package edge

import (
	"errors"
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// LimitMemory gives the heap of this process a soft limit of nine tenths of
// what it may have, the least limit of its control groups and of the machine,
// so that the collector works harder before the kernel ends it. Where
// GOMEMLIMIT is set, that is what counts; where nothing is known, nothing is done.
func LimitMemory(log *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithRatio(0.9), memlimit.WithProvider(least(memlimit.FromCgroup, memlimit.FromSystem)))
	if err != nil {
		log.Warn("memory: the heap has no soft limit; set GOMEMLIMIT to give it one", "err", err)
		return
	}
	log.Info("memory: soft limit of the heap", "bytes", limit)
}

// least is the lowest that providers know of. It fails where none knows any.
func least(providers ...memlimit.Provider) memlimit.Provider {
	return func() (uint64, error) {
		var lowest uint64
		var failed []error
		for _, provider := range providers {
			n, err := provider()
			if err != nil {
				failed = append(failed, err)
			} else if n > 0 && (lowest == 0 || n < lowest) {
				lowest = n
			}
		}
		if lowest == 0 {
			return 0, errors.Join(append(failed, errors.New("nothing says how much memory there is"))...)
		}
		return lowest, nil
	}
}

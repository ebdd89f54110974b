package store

import (
	"math"
	"testing"
	"time"
)

// Proves A12: a time of a damaged row keeps no answer from being written.
func TestEachTimeOfARowCanBeWritten(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64, firstMicro, lastMicro, time.Now().UnixMicro()} {
		at := fromMicro(n)
		if _, err := at.MarshalJSON(); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		if inside := n > firstMicro && n <= lastMicro; inside && micro(at) != n {
			t.Errorf("%d comes back as %d", n, micro(at))
		}
	}
}

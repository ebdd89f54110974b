package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// benchPush publishes 20 kB artifacts from 1, 8 and 32 clients to every peer.
func benchPush(ctx context.Context, o options) error {
	up, down, err := peers(ctx, o, "push")
	if err != nil {
		return err
	}
	defer down()
	fmt.Printf("\n%-32s %-13s %12s %10s %8s\n", "push of a 20 kB artifact", "server", "artifacts/s", "cpu each", "ratio")
	for _, clients := range []int{1, 8, 32} {
		var ours float64
		for _, s := range up {
			before := s.cpu()
			rate, n, err := pushRate(ctx, s, clients, time.Duration(o.seconds)*time.Second)
			if err != nil {
				return fmt.Errorf("%s, %d clients: %w", s.name, clients, err)
			}
			ratio := ""
			if s.name == "oarlock" {
				ours = rate
			} else {
				ratio = fmt.Sprintf("%.2f×", ours/rate)
			}
			fmt.Printf("%-32s %-13s %12.0f %10s %8s\n", fmt.Sprintf("%d clients", clients), s.name, rate, each(s.cpu()-before, n), ratio)
		}
	}
	for _, s := range up {
		fmt.Printf("%-32s %-13s %9.0f MiB\n", "memory after it", s.name, s.rss())
	}
	return nil
}

// pushRate gives whole artifacts per second; each client has a repository of
// its own, each artifact a layer of its own.
func pushRate(ctx context.Context, s *server, clients int, length time.Duration) (perSecond, n float64, err error) {
	var (
		wg    sync.WaitGroup
		count atomic.Int64
		first atomic.Pointer[error]
	)
	began := time.Now()
	for c := range clients {
		wg.Go(func() {
			repo := fmt.Sprintf("bench/push-%d-%d", clients, c)
			for i := 0; time.Since(began) < length && ctx.Err() == nil; i++ {
				if err := pushArtifact(ctx, s.base, repo, fmt.Sprintf("1.0.%d", i), random(smallBytes)); err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
				count.Add(1)
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return 0, 0, *err
	}
	n = float64(count.Load())
	return n / time.Since(began).Seconds(), n, nil
}

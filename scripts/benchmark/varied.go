package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// variedLoad asks a different question each time, so that no cache of whole
// answers helps, from 16 connections.
func variedLoad(ctx context.Context, base string, length time.Duration) (string, error) {
	words := []string{"secret", "pod", "log", "node", "cert", "view", "deploy", "namespace", "resource", "debug", "yaml", "cost", "network", "user"}
	platforms := []string{"darwin/arm64", "linux/amd64", "windows/amd64", "linux/arm64"}
	var (
		mu    sync.Mutex
		all   []time.Duration
		wg    sync.WaitGroup
		first error
	)
	began := time.Now()
	for c := range 16 {
		wg.Go(func() {
			var mine []time.Duration
			for i := c; time.Since(began) < length && ctx.Err() == nil; i += 16 {
				url := fmt.Sprintf("%s/api/v1/plugins?host=kubectl&host_version=1.%d.%d&platform=%s&q=%s&limit=%d", base,
					12+i%20, i%97, platforms[i%len(platforms)], words[i%len(words)], 10+i%40)
				at := time.Now()
				a, err := send(ctx, http.MethodGet, url, "", nil)
				if err == nil && a.status != http.StatusOK {
					err = fmt.Errorf("%s: %d: %s", url, a.status, a.body)
				}
				if err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	if first != nil {
		return "", first
	}
	slices.Sort(all)
	rate := float64(len(all)) / time.Since(began).Seconds()
	return fmt.Sprintf("catalog: ever new questions   %10.0f requests/s, p50 %s, p99 %s (client on the same two cores)", rate,
		all[len(all)/2].Round(10*time.Microsecond), all[len(all)*99/100].Round(10*time.Microsecond)), nil
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"
)

// benchVisible measures from the registry's answer to the manifest until the
// version stands in the catalog.
func benchVisible(ctx context.Context, o options) error {
	s, err := startOarlock(ctx, o, filepath.Join(o.dir, "visible"))
	if err != nil {
		return err
	}
	defer s.stop()
	const n = 300
	var took []time.Duration
	for i := range n {
		repo, version := fmt.Sprintf("bench/visible-%d", i%30), fmt.Sprintf("1.0.%d", i/30)
		if err := pushArtifact(ctx, s.base, repo, version, random(smallBytes)); err != nil {
			return err
		}
		acknowledged := time.Now()
		for {
			a, err := send(ctx, http.MethodGet, s.base+"/api/v1/plugins/"+repo+"/versions/"+version, "", nil)
			if err != nil {
				return err
			}
			if a.status == http.StatusOK {
				break
			}
			if time.Since(acknowledged) > 10*time.Second {
				return fmt.Errorf("%s %s is not in the catalog after 10 s: %s", repo, version, a.body)
			}
			time.Sleep(200 * time.Microsecond)
		}
		took = append(took, time.Since(acknowledged))
	}
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))].Round(100 * time.Microsecond) }
	fmt.Printf("\npublish → visible, %d publications: p50 %s, p90 %s, p99 %s, max %s\n", n, at(.5), at(.9), at(.99), took[n-1])
	return nil
}

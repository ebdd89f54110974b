package client_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/policy"
)

// BenchmarkPull pulls one small version from a real registry over loopback,
// with the signature judged and without. The difference is what verifying
// adds to a pull: at most 10 ms are meant.
func BenchmarkPull(b *testing.B) {
	p := newPublisher(b)
	for _, format := range []string{"unverified", policy.FormatCosignTag, policy.FormatCosignReferrer, policy.FormatBundle} {
		b.Run(format, func(b *testing.B) {
			s := newShop(b)
			d := s.publish(b, "acme/tool", "1.0.0", release{})
			ref := s.host + "/acme/tool@" + d.String()
			set := func(o *client.PullOptions) { o.Verifier, o.AllowUnsignedUnsafe = nil, true }
			if format != "unverified" {
				p.sign(b, ref, format)
				set = func(o *client.PullOptions) { o.Verifier = p.afresh(b) }
			}
			dir, n := b.TempDir(), 0
			for b.Loop() {
				puller := newPuller(b, set)
				if _, err := puller.Pull(b.Context(), ref, filepath.Join(dir, fmt.Sprint(n))); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

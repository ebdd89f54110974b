package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index/publog"
)

func contractProved(t *testing.T, s *Store) {
	ctx := t.Context()
	p := func(n int, at time.Time) publog.ProvedTime {
		return publog.ProvedTime{Plugin: "acme/hello", Digest: digest.FromString(fmt.Sprint(n)), Log: "other.example.org/log+0+A",
			At: at, Vouched: []byte{byte(n), 0}}
	}
	var last int64
	read := func(limit int64, wanted ...publog.ProvedTime) {
		t.Helper()
		got, err := s.ProvedTimes(ctx, last, limit)
		for i := range got {
			if got[i].Number <= last {
				t.Errorf("number %d after %d", got[i].Number, last)
			}
			last, got[i].Number = got[i].Number, 0
		}
		same(t, "proved", got, append([]publog.ProvedTime{}, wanted...), err)
	}
	read(9)
	for n := range 3 {
		want(t, "add", s.AddProved(ctx, p(n, noon)), nil)
	}
	read(2, p(0, noon), p(1, noon))
	read(2, p(2, noon))
	want(t, "in place of another", s.AddProved(ctx, p(0, noon.Add(-time.Hour))), nil)
	read(9, p(0, noon.Add(-time.Hour)))
	last = 0
	read(9, p(1, noon), p(2, noon), p(0, noon.Add(-time.Hour)))
}

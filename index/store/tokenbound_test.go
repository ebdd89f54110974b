package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index/auth"
)

// contractTokenBounds: what one account made is counted by what lives, the
// oldest logins end, and the oldest of what ended goes; of makers that race
// none passes the bound. Proves B7.
func contractTokenBounds(t *testing.T, s *Store) {
	ctx := t.Context()
	add := func(id, kind, maker string, at time.Duration, expires, revoked time.Time) {
		t.Helper()
		want(t, "add "+id, s.AddToken(ctx, auth.TokenRecord{ID: id, Kind: kind, Hash: []byte{1}, CreatedBy: maker, CreatedAt: noon.Add(at), ExpiresAt: expires, RevokedAt: revoked}), nil)
	}
	later, earlier := noon.Add(time.Hour), noon.Add(-time.Hour)
	add("robot", "robot", "person:ada", 0, later, time.Time{})
	add("forever", "admin", "person:ada", 1, time.Time{}, time.Time{})
	add("over", "robot", "person:ada", 2, noon, time.Time{})
	add("revoked", "robot", "person:ada", 3, later, earlier)
	add("other", "robot", "person:bob", 4, later, time.Time{})
	for i := range 3 {
		add(fmt.Sprint("login", i), "refresh", "person:ada", time.Duration(10+i)*time.Second, later, time.Time{})
	}
	n, err := s.LiveTokens(ctx, "person:ada", []string{"robot", "admin"}, noon)
	same(t, "live", n, 2, err)
	n, err = s.EndOldestTokens(ctx, "person:ada", []string{"refresh", "session"}, 2, noon)
	same(t, "logins that end", n, 1, err)
	for id, ended := range map[string]bool{"login0": true, "login1": false, "login2": false, "robot": false} {
		got, err := s.Token(ctx, id)
		same(t, id+" has ended", !got.RevokedAt.IsZero(), ended, err)
	}
	add("admin-over", "admin", "person:ada", 5, noon, time.Time{})
	n, err = s.ForgetEndedTokens(ctx, "person:ada", 1, noon) // over, revoked and login0, which is the newest
	same(t, "ended ones that go", n, 2, err)
	for id, there := range map[string]bool{"over": false, "revoked": false, "login0": true, "admin-over": true, "robot": true} {
		_, err := s.Token(ctx, id)
		if (err == nil) != there {
			t.Errorf("%s: %v, want it there: %v", id, err, there)
		}
	}

	const bound, rounds = 5, 10
	var made atomic.Int64
	full := errors.New("full")
	for round := range rounds { // the first ones open connections, one after the other
		maker := fmt.Sprint("person:eve", round)
		each(12, func(i int) {
			err := s.InTx(ctx, func(ctx context.Context) error {
				n, err := s.LiveTokens(ctx, maker, []string{"robot"}, noon)
				if err != nil {
					return err
				}
				if n >= bound {
					return full
				}
				return s.AddToken(ctx, auth.TokenRecord{ID: fmt.Sprint(maker, "-", i), Kind: "robot", Hash: []byte{1}, CreatedBy: maker, CreatedAt: noon, ExpiresAt: later})
			})
			switch {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, full):
				t.Error(err)
			}
		})
	}
	same(t, "made by twelve at once", made.Load(), int64(bound*rounds), nil)
}

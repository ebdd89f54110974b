package signed

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// TestTheOnlineKeySignsWhatHostsGoBy_I6_I10: under a number that rises with each new
// key and with nothing else; one that the root names no more signs nothing.
func TestTheOnlineKeySignsWhatHostsGoBy_I6_I10(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	pin := s.pin()
	s.publish(snapshotOf(5, 1))
	reader, err := s.reader(pin, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := reader.o.Now().UTC().Truncate(time.Second)
	signedBy := func(key int64) []byte {
		t.Helper()
		payload, err := json.Marshal(index.DesiredState{Tenant: "north", Host: "editor-1", Epoch: index.Epoch{Key: key, Counter: 1},
			IssuedAt: at, ExpiresAt: at.Add(time.Hour), GraceUntil: at.Add(time.Hour), Items: []index.DesiredItem{}, Notices: []index.DesiredNotice{}})
		if err != nil {
			t.Fatal(err)
		}
		raw, by, err := s.keys.SignOnline(index.DesiredStateType, payload)
		if err != nil || by != key || s.keys.OnlineKey() != key {
			t.Fatalf("signed by key %d, now %d, expected %d: %v", by, s.keys.OnlineKey(), key, err)
		}
		return raw
	}
	holds := func(raw []byte) error {
		_, err := client.VerifyDesired(raw, client.DesiredOptions{Keys: reader, Tenant: "north", Host: "editor-1", Now: at})
		return err
	}
	old := signedBy(1)
	if err := holds(old); err != nil {
		t.Error(err)
	}
	for _, r := range []Rotation{{}, {KeepRootKey: true}, {OnlineKeys: true}} {
		if err := holds(signedBy(1)); err != nil {
			t.Errorf("before %+v: %v", r, err)
		}
		if _, err := s.keys.Rotate(r); err != nil {
			t.Fatal(err)
		}
		s.publish(nil)
		if err := reader.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := holds(old); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("signed by a key that was rotated away: %v", err)
	}
	if err := holds(signedBy(4)); err != nil {
		t.Error(err)
	}
	again, err := OpenKeys(s.keysDir, KeyOptions{})
	if err != nil || again.OnlineKey() != 4 {
		t.Errorf("opened again, the key is %d: %v", again.OnlineKey(), err)
	}
}

package signed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact"
)

func TestReaderFollowsRotatedRoots_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.pin()
	state := t.TempDir()
	s.publish(snapshotOf(5, 1))
	if _, err := s.reader(first, state); err != nil {
		t.Fatal(err)
	}
	for n, r := range []Rotation{{}, {OnlineKeys: true}, {KeepRootKey: true}} {
		version, err := s.keys.Rotate(r)
		if err != nil || version != int64(n+2) {
			t.Fatalf("rotation %d: version %d, %v", n, version, err)
		}
		s.publish(nil)
		for name, c := range map[string]struct {
			pin   Pin
			state string
		}{"one that has seen the root before": {first, state}, "one that begins with the first root": {first, ""},
			"one that pins the newest": {s.pin(), ""}, "one that pins a digest": {must(ReadPin(first.String())), ""}} {
			got, err := s.reader(c.pin, c.state)
			if err != nil || got.Status().Root != version {
				t.Errorf("root %d: %s: %v", version, name, err)
			}
		}
	}
	if left := must(filepath.Glob(filepath.Join(s.keysDir, "*.pem"))); len(left) != 4 {
		t.Errorf("keys that count no more stay: %v", left)
	}
	whole := s.files()
	for name, row := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"a root in between is missing":           {with(whole, map[string][]byte{"2.root.json": nil}), RefusedMalformed},
		"the newest root is held back":           {with(whole, map[string][]byte{"4.root.json": nil}), RefusedRollback},
		"a root that only its own keys signed":   {with(whole, map[string][]byte{"5.root.json": foreignRoot(t, s, 5)}), RefusedKey},
		"a root under the number of another one": {with(whole, map[string][]byte{"5.root.json": whole["4.root.json"]}), RefusedMalformed},
		"a root that is no JSON":                 {with(whole, map[string][]byte{"5.root.json": []byte("[]")}), RefusedMalformed},
	} {
		s.put(row.files)
		_, err := s.reader(first, state)
		t.Log(name, err)
		wantRefusal(t, err, row.want)
	}
	s.put(whole)
	if _, err := s.reader(first, state); err != nil {
		t.Error(err)
	}
}

func foreignRoot(t *testing.T, s *site, version int64) []byte {
	other := must(MakeKeys(t.TempDir(), KeyOptions{Now: s.now}))
	m := must(parseRoot(other.Root()))
	m.Signed.Version = version
	return must(seal(m, other.ring().of(metadata.ROOT)))
}

func TestRootThatNobodyPinnedIsRefused_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish(snapshotOf(5, 1))
	other := must(MakeKeys(t.TempDir(), KeyOptions{Now: s.now}))
	for name, pin := range map[string]Pin{"a root of another site": must(PinRoot(other.Root())), "its digest": {digest: digestOf(other.Root())}, "nothing": {}} {
		_, err := s.reader(pin, "")
		if t.Log(name, err); err == nil {
			t.Fatal("believed")
		}
		wantRefusal(t, err, RefusedKey)
	}
	s.time = s.time.Add(366 * 24 * time.Hour)
	_, err := s.reader(s.pin(), "")
	wantRefusal(t, err, RefusedExpired)
}

// Two of two keys of the timestamp must sign.
func TestThresholdCountsDifferentKeys_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish(snapshotOf(5, 1))
	files := s.files()
	second := must(newKey(t.TempDir(), metadata.TIMESTAMP))
	key, id, err := keyOf(second)
	if err != nil {
		t.Fatal(err)
	}
	root := must(parseRoot(s.keys.Root()))
	root.Signed.Version = 2
	root.Signed.Keys[id] = key
	root.Signed.Roles[metadata.TIMESTAMP].KeyIDs = append(root.Signed.Roles[metadata.TIMESTAMP].KeyIDs, id)
	root.Signed.Roles[metadata.TIMESTAMP].Threshold = 2
	files["2.root.json"] = must(seal(root, s.keys.ring().of(metadata.ROOT)))
	one := s.keys.ring().of(metadata.TIMESTAMP)[0]
	for name, row := range map[string]struct {
		by   []signature.Signer
		want string
	}{
		"one of the two":       {[]signature.Signer{one}, RefusedKey},
		"the other of the two": {[]signature.Signer{second}, RefusedKey},
		"both":                 {[]signature.Signer{one, second}, ""},
	} {
		m := metadata.Timestamp()
		must(m.FromBytes(files[timestampName]))
		s.put(with(files, map[string][]byte{timestampName: must(seal(m, row.by))}))
		_, err := s.reader(s.pin(), "")
		if row.want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if row.want != "" {
			wantRefusal(t, err, row.want)
		}
	}
	// the same key twice, under two ids, is one
	m := metadata.Timestamp()
	must(m.FromBytes(files[timestampName]))
	must(seal(m, []signature.Signer{one}))
	twin := m.Signatures[0]
	twin.KeyID = id
	m.Signatures = append(m.Signatures, twin)
	s.put(with(files, map[string][]byte{timestampName: must(m.ToBytes(false))}))
	_, err = s.reader(s.pin(), "")
	wantRefusal(t, err, RefusedKey)
}

func TestOfflineRootKeySignsNothingHere_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.pin()
	s.publish(snapshotOf(5, 1))
	files := must(filepath.Glob(filepath.Join(s.keysDir, "root.*.pem")))
	away := filepath.Join(t.TempDir(), "root.pem")
	if err := os.Rename(files[0], away); err != nil {
		t.Fatal(err)
	}
	s.keys = must(MakeKeys(s.keysDir, KeyOptions{Now: s.now}))
	s.pub = s.publisher(s.keys)
	s.publish(snapshotOf(6, 1)) // the online keys are enough
	if _, err := s.keys.Rotate(Rotation{}); !errors.Is(err, ErrRootOffline) || !errors.Is(err, artifact.ErrDenied) {
		t.Fatalf("rotated without the key of the root: %v", err)
	}
	safe := t.TempDir()
	elsewhere := must(MakeKeys(s.keysDir, KeyOptions{Now: s.now, RootKeys: []string{away}}))
	if _, err := elsewhere.Rotate(Rotation{RootKeyDir: safe}); err != nil {
		t.Fatal(err)
	}
	if here := must(filepath.Glob(filepath.Join(s.keysDir, "root.*.pem"))); len(here) != 0 {
		t.Errorf("the new root key is online: %v", here)
	}
	if there := must(filepath.Glob(filepath.Join(safe, "root.*.pem"))); len(there) != 1 {
		t.Errorf("the new root key: %v", there)
	}
	if done := s.publish(nil); done.Root != 2 {
		t.Errorf("root %d published, expected 2", done.Root)
	}
	if c, err := s.reader(first, ""); err != nil || c.Status().Root != 2 {
		t.Error(err)
	}
}

func TestKeysAreKeptFromOthersAndFromMistakes_C7(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	k := must(MakeKeys(dir, KeyOptions{}))
	again := must(MakeKeys(dir, KeyOptions{}))
	if string(k.Root()) != string(again.Root()) {
		t.Error("opened again, the root is another")
	}
	files := must(filepath.Glob(filepath.Join(dir, "*.pem")))
	if len(files) != 4 {
		t.Fatalf("%v", files)
	}
	for _, path := range files {
		if mode := must(os.Stat(path)).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s: mode %o, expected 600", path, mode)
		}
	}
	for _, path := range files {
		if !strings.Contains(path, "/targets.") {
			continue
		}
		if err := os.WriteFile(path, []byte("not a key"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := MakeKeys(dir, KeyOptions{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a damaged key: %v, expected its path", err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := must(MakeKeys(dir, KeyOptions{})).Online(); err == nil || !strings.Contains(err.Error(), "targets") {
			t.Errorf("a missing key: %v, expected its role", err)
		}
	}
}

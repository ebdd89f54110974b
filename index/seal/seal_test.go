package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/seal"
)

func fileKey(t *testing.T) seal.FileKey {
	t.Helper()
	k, err := seal.ParseFileKey(seal.NewFileKey())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Proves I4: a value is opened by the key that sealed it, for the use it was sealed
// for, and by nothing else; what was changed is told from what could not be opened.
func TestWhatARingSealsOnlyItOpens_I4(t *testing.T) {
	t.Parallel()
	ctx, first, second := t.Context(), fileKey(t), fileKey(t)
	r := seal.NewRing(first, "")
	const secret = "correct horse battery staple"
	s, err := r.Seal(ctx, "north acme/hello 1", []byte(secret))
	if err != nil || s.Key != first.ID() || bytes.Contains(s.Bytes, []byte("horse")) {
		t.Fatalf("%v, %v", s, err)
	}
	again, err := r.Seal(ctx, "north acme/hello 1", []byte(secret))
	if err != nil || bytes.Equal(again.Bytes, s.Bytes) {
		t.Errorf("the same value is sealed to the same bytes, %v", err)
	}
	if got, err := r.Open(ctx, "north acme/hello 1", s); err != nil || string(got) != secret {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.Open(ctx, "south acme/hello 1", s); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("moved to another use: %v", err)
	}
	for i := range s.Bytes {
		bad := seal.Sealed{Key: s.Key, Bytes: bytes.Clone(s.Bytes)}
		bad.Bytes[i] ^= 1
		if _, err := r.Open(ctx, "north acme/hello 1", bad); !errors.Is(err, artifact.ErrUnverified) {
			t.Fatalf("byte %d was changed: %v", i, err)
		}
		if _, err := r.Open(ctx, "north acme/hello 1", seal.Sealed{Key: s.Key, Bytes: s.Bytes[:i]}); !errors.Is(err, artifact.ErrUnverified) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	rotated := seal.NewRing(second, "", first)
	if got, err := rotated.Open(ctx, "north acme/hello 1", s); err != nil || string(got) != secret {
		t.Errorf("by a ring that has the key as an old one: %q, %v", got, err)
	}
	if _, err := seal.NewRing(second, "").Open(ctx, "north acme/hello 1", s); !errors.Is(err, seal.ErrNoKey) || !strings.Contains(err.Error(), first.ID()) {
		t.Errorf("without the key: %v", err)
	}
	if id, err := rotated.Current(ctx); err != nil || id != second.ID() {
		t.Errorf("current: %q, %v", id, err)
	}
	if _, err := seal.NewRing(nil, "put it back", first).Seal(ctx, "", nil); !errors.Is(err, seal.ErrNoKey) || !strings.Contains(err.Error(), "put it back") {
		t.Errorf("without a current key: %v", err)
	}
}

// Proves I4: a key's file is what openssl writes, and no error quotes it.
func TestAKeyIsReadFromItsFile_I4(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "short", "c2hvcnQ=", strings.Repeat("s3cret", 20), string(seal.NewFileKey()) + "x"} {
		if _, err := seal.ParseFileKey([]byte(text)); !errors.Is(err, artifact.ErrInvalid) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	// As openssl rand -base64 32 writes it, which the documents name.
	text := []byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32)) + "\n")
	if _, err := seal.ParseFileKey(text); err != nil {
		t.Error(err)
	}
}

package catalog

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// A writer appends canonical bytes: one value has one encoding.
type writer struct{ b []byte }

func (w *writer) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) int(n int64)   { w.b = binary.AppendVarint(w.b, n) }

func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *writer) str(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// digest writes a sha256 digest as 1 and its 32 bytes, any other as 0 and its text.
func (w *writer) digest(d digest.Digest) {
	if text, ok := strings.CutPrefix(string(d), "sha256:"); ok && len(text) == 64 && strings.ToLower(text) == text {
		if b, err := hex.AppendDecode(append(w.b, 1), []byte(text)); err == nil {
			w.b = b
			return
		}
	}
	w.b = append(w.b, 0)
	w.str(string(d))
}

func (w *writer) time(t *time.Time) {
	w.bool(t != nil)
	if t != nil {
		w.int(t.Unix())
		w.uint(uint64(t.Nanosecond()))
	}
}

func putList[T any](w *writer, items []T, put func(*writer, T)) {
	w.uint(uint64(len(items)))
	for _, one := range items {
		put(w, one)
	}
}

// A reader reads what a writer wrote. The first error sticks; after it every
// value is zero. Strings share the memory of s.
type reader struct {
	s     string
	pos   int
	err   error
	words *words
	skim  bool            // digests as their bytes in s
	texts strings.Builder // memory for several digests at once
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %s: %w", r.pos, fmt.Sprintf(format, args...), artifact.ErrInvalid)
		r.pos = len(r.s)
	}
}

func (r *reader) check(err error) {
	if err != nil {
		r.fail("%s", err)
	}
}

func (r *reader) byte() byte {
	if r.pos >= len(r.s) {
		r.fail("ends too early")
		return 0
	}
	r.pos++
	return r.s[r.pos-1]
}

func (r *reader) uint() uint64 {
	var n uint64
	for shift := uint(0); shift < 64; shift += 7 {
		b := r.byte()
		if b < 0x80 {
			return n | uint64(b)<<shift
		}
		n |= uint64(b&0x7f) << shift
	}
	r.fail("number too large")
	return 0
}

func (r *reader) int() int64 {
	n := r.uint()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *reader) bool() bool { return r.byte() != 0 }

func (r *reader) take(n uint64) string {
	if n > uint64(len(r.s)-r.pos) {
		r.fail("%d bytes wanted, %d left", n, len(r.s)-r.pos)
		return ""
	}
	r.pos += int(n)
	return r.s[r.pos-int(n) : r.pos]
}

func (r *reader) str() string { return r.take(r.uint()) }

func (r *reader) digest() digest.Digest {
	if r.skim {
		from := r.pos
		if r.byte() == 0 {
			r.str()
		} else {
			r.take(32)
		}
		return digest.Digest(r.s[min(from, r.pos):r.pos])
	}
	if r.byte() == 0 {
		return digest.Digest(r.str())
	}
	raw := r.take(32)
	if len(raw) != 32 {
		return ""
	}
	const size = len("sha256:") + 64
	if r.texts.Cap()-r.texts.Len() < size { // texts handed out stay with the memory before
		r.texts = strings.Builder{}
		r.texts.Grow(16 * size)
	}
	from := r.texts.Len()
	r.texts.WriteString("sha256:")
	for i := range len(raw) {
		r.texts.WriteByte(hexDigits[raw[i]>>4])
		r.texts.WriteByte(hexDigits[raw[i]&15])
	}
	return digest.Digest(r.texts.String()[from:])
}

const hexDigits = "0123456789abcdef"

func (r *reader) time() *time.Time {
	if !r.bool() {
		return nil
	}
	sec, nsec := r.int(), r.uint()
	if nsec >= 1e9 {
		r.fail("%d nanoseconds", nsec)
		return nil
	}
	t := time.Unix(sec, int64(nsec)).UTC()
	return &t
}

// count reads the length of a list whose items take at least one byte each.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.s)-r.pos) {
		r.fail("%d items wanted, %d bytes left", n, len(r.s)-r.pos)
		return 0
	}
	return int(n)
}

// getList reads a list; an empty one is nil.
func getList[T any](r *reader, get func(*reader) T) []T {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]T, 0, min(n, 1<<12))
	for range n {
		out = append(out, get(r))
		if r.err != nil {
			return nil
		}
	}
	return out
}

// The values below may be zero, which is written as empty text.

func (r *reader) name() artifact.Name {
	text := r.str()
	if text == "" {
		return artifact.Name{}
	}
	n, err := artifact.ParseName(text)
	r.check(err)
	return n
}

func (r *reader) host() artifact.HostID {
	text := r.str()
	if text == "" {
		return artifact.HostID{}
	}
	h, err := artifact.ParseHostID(text)
	r.check(err)
	return h
}

func (r *reader) rng() artifact.Range {
	text := r.str()
	if text == "" {
		return artifact.Range{}
	}
	rng, err := r.words.rng(text)
	r.check(err)
	return rng
}

func (r *reader) platform() artifact.Platform {
	var p artifact.Platform
	r.check(p.UnmarshalText([]byte(r.str())))
	return p
}

func (r *reader) version() artifact.Version {
	text := r.str()
	if text == "" {
		return artifact.Version{}
	}
	v, err := r.words.version(text)
	r.check(err)
	return v
}

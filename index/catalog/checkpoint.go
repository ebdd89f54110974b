package catalog

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A checkpoint is
//
//	magic  "OARLOCK CATALOG 3\n"
//	header generation, time, 32 bytes catalog digest, number of plugins
//	sum    32 bytes, SHA-256 of all before
//	plugin length, record                        ; for every plugin, in order of id
//	times  length, and for every plugin, in order of id: number of times, which is
//	       0 or that of its versions; of each the difference to the one before
//	sum    32 bytes, SHA-256 of the times
//	beside length, and what Generation.Beside is
//	sum    32 bytes, SHA-256 of what is beside
//
// The catalog digest is the checksum of the plugins. Format 1 ends before the
// times, and format 2 before what is beside; both are read still.
const (
	checkpointMagic = "OARLOCK CATALOG 3\n"
	besidelessMagic = "OARLOCK CATALOG 2\n"
	timelessMagic   = "OARLOCK CATALOG 1\n"
	maxSection      = 1 << 30 // bytes of times, and of what is beside
)

// maxRecord is the largest record that Load takes: far above what the limits
// of manifests allow, so that a damaged length is found before it is believed.
const maxRecord = 1 << 30

// Save writes g so that Load gives it back.
func Save(w io.Writer, g *Generation) error {
	out := bufio.NewWriterSize(w, 1<<20)
	head := &writer{b: []byte(checkpointMagic)}
	head.int(g.Number)
	head.time(&g.At)
	head.b = append(head.b, g.Snapshot.tree.sum[:]...)
	head.uint(uint64(g.Snapshot.Len()))
	sum := sha256.Sum256(head.b)
	head.b = append(head.b, sum[:]...)
	if _, err := out.Write(head.b); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	for _, slot := range g.Snapshot.ids.slots {
		if !g.Snapshot.shows(slot) {
			continue
		}
		e := g.Snapshot.shelf.entry(slot)
		head.b = head.b[:0]
		head.str(e.record)
		if _, err := out.Write(head.b); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	if _, err := out.Write(appendTimes(nil, g.Snapshot)); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if _, err := out.Write(appendSection(nil, g.Beside)); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// appendTimes appends the times of s with their length and sum.
func appendTimes(b []byte, s *Snapshot) []byte {
	w := new(writer)
	for _, slot := range s.ids.slots {
		if !s.shows(slot) {
			continue
		}
		published := s.shelf.entry(slot).published
		w.uint(uint64(len(published)))
		before := int64(0)
		for _, at := range published {
			w.int(at - before)
			before = at
		}
	}
	return appendSection(b, w.b)
}

// appendSection appends content with its length and sum.
func appendSection(b, content []byte) []byte {
	sum := sha256.Sum256(content)
	b = binary.AppendUvarint(b, uint64(len(content)))
	return append(append(b, content...), sum[:]...)
}

// Load reads what Save wrote. Errors wrap artifact.ErrInvalid where what came
// is not a checkpoint, is cut or is damaged; others are those of r.
func Load(r io.Reader) (*Generation, error) {
	l := &loader{r: bufio.NewReaderSize(r, 1<<20), sum: sha256.New()}
	g, err := l.load()
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("checkpoint: ends too early: %w", artifact.ErrInvalid)
	case errors.Is(err, errVarint):
		return nil, fmt.Errorf("checkpoint: %w: %w", err, artifact.ErrInvalid)
	case err != nil:
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return g, nil
}

// errVarint is what the standard library says of a number that has no end; it
// has no name there, and unlike an error of the reader it is the content's fault.
var errVarint = func() error {
	_, err := binary.ReadUvarint(bytes.NewReader(bytes.Repeat([]byte{0xff}, binary.MaxVarintLen64+1)))
	return err
}()

type loader struct {
	r   *bufio.Reader
	sum hash.Hash // of the header
}

// read reads n bytes outside the header.
func (l *loader) read(n int) (string, error) {
	var b strings.Builder
	b.Grow(min(n, 1<<20))
	if _, err := io.CopyN(&b, l.r, int64(n)); err != nil {
		return "", err
	}
	return b.String(), nil
}

// ReadByte makes loader fit for varints.
func (l *loader) ReadByte() (byte, error) {
	b, err := l.r.ReadByte()
	if err == nil {
		l.sum.Write([]byte{b})
	}
	return b, err
}

func (l *loader) take(n int) (string, error) {
	s, err := l.read(n)
	l.sum.Write([]byte(s))
	return s, err
}

func (l *loader) load() (*Generation, error) {
	magic, err := l.take(len(checkpointMagic))
	if err != nil || magic != checkpointMagic && magic != besidelessMagic && magic != timelessMagic {
		return nil, fmt.Errorf("begins with %q, expected %q: %w", magic, checkpointMagic, artifact.ErrInvalid)
	}
	g := new(Generation)
	if g.Number, err = binary.ReadVarint(l); err != nil {
		return nil, err
	}
	if g.At, err = l.time(); err != nil {
		return nil, err
	}
	want, err := l.take(sha256.Size)
	if err != nil {
		return nil, err
	}
	count, err := binary.ReadUvarint(l)
	if err != nil {
		return nil, err
	}
	got := string(l.sum.Sum(nil))
	if sum, err := l.take(sha256.Size); err != nil || sum != got {
		return nil, fmt.Errorf("checksum of its header does not match: %w", artifact.ErrInvalid)
	}
	if g.Snapshot, err = l.snapshot(count, magic != timelessMagic); err != nil {
		return nil, err
	}
	if magic == checkpointMagic {
		beside, err := l.section("what is beside")
		if err != nil {
			return nil, err
		}
		if beside != "" {
			g.Beside = []byte(beside)
		}
	}
	if _, err := l.r.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("goes on after its end: %w", artifact.ErrInvalid)
	}
	if string(g.Snapshot.tree.sum[:]) != want {
		return nil, fmt.Errorf("catalog digest is sha256:%x, its plugins give %s: %w", want, g.Snapshot.Digest(), artifact.ErrInvalid)
	}
	return g, nil
}

func (l *loader) time() (time.Time, error) {
	present, err := l.ReadByte()
	if err != nil || present != 1 {
		return time.Time{}, fmt.Errorf("time is missing: %w", artifact.ErrInvalid)
	}
	sec, err := binary.ReadVarint(l)
	if err != nil {
		return time.Time{}, err
	}
	nsec, err := binary.ReadUvarint(l)
	if err != nil || nsec >= 1e9 {
		return time.Time{}, fmt.Errorf("time with %d nanoseconds: %w", nsec, artifact.ErrInvalid)
	}
	return time.Unix(sec, int64(nsec)).UTC(), nil
}

// section reads what appendSection wrote; name is what it is.
func (l *loader) section(name string) (string, error) {
	n, err := binary.ReadUvarint(l.r)
	if err != nil {
		return "", err
	}
	if n > maxSection {
		return "", fmt.Errorf("%s: %d bytes: %w", name, n, artifact.ErrInvalid)
	}
	raw, err := l.read(int(n))
	if err != nil {
		return "", err
	}
	want, err := l.read(sha256.Size)
	if err != nil {
		return "", err
	}
	if sum := sha256.Sum256([]byte(raw)); string(sum[:]) != want {
		return "", fmt.Errorf("%s: its checksum does not match: %w", name, artifact.ErrInvalid)
	}
	return raw, nil
}

// times reads those of count plugins.
func (l *loader) times(count int) ([][]int64, error) {
	raw, err := l.section("times")
	if err != nil {
		return nil, err
	}
	r := &reader{s: raw}
	out := make([][]int64, count)
	for i := range out {
		before := int64(0)
		out[i] = getList(r, func(r *reader) int64 {
			before += r.int()
			return before
		})
	}
	if r.err == nil && r.pos != len(r.s) {
		r.fail("%d bytes too many", len(r.s)-r.pos)
	}
	if r.err != nil {
		return nil, fmt.Errorf("times: %w", r.err)
	}
	return out, nil
}

func (l *loader) snapshot(count uint64, timed bool) (*Snapshot, error) {
	s := Empty()
	var records []string
	for range count {
		n, err := binary.ReadUvarint(l.r)
		if err != nil {
			return nil, err
		}
		if n > maxRecord {
			return nil, fmt.Errorf("record of %d bytes: %w", n, artifact.ErrInvalid)
		}
		record, err := l.read(int(n))
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	published := make([][]int64, len(records))
	if timed {
		var err error
		if published, err = l.times(len(records)); err != nil {
			return nil, err
		}
	}
	drafts, errs := make([]draft, len(records)), make([]error, len(records))
	parallel(len(records), func(i int) {
		p, masks, err := skimRecord(records[i], s.words)
		if err == nil && len(published[i]) > 0 && len(published[i]) != len(p.Versions) {
			err = fmt.Errorf("plugin %q: %d times for %d versions: %w", p.ID, len(published[i]), len(p.Versions), artifact.ErrInvalid)
		}
		if errs[i] = err; err == nil {
			(&times{published: published[i], updated: timeless}).show(p)
			drafts[i] = draftOf(p, records[i], masks, s.words, s.claims)
		}
	})
	for i, err := range errs {
		if err != nil {
			return nil, err
		}
		if drafts[i].entry.id.IsZero() {
			return nil, fmt.Errorf("plugin without id: %w", artifact.ErrInvalid)
		}
		if i > 0 && drafts[i-1].entry.id.Compare(drafts[i].entry.id) >= 0 {
			return nil, fmt.Errorf("plugin %q is out of order: %w", drafts[i].entry.id, artifact.ErrInvalid)
		}
	}
	return s.with(drafts), nil
}

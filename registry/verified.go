package registry

import (
	"context"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// verified remembers which bytes were seen to be those of their digest, as
// long as their file does not change. It lasts as long as the process.
type verified struct{ marks *cache[mark] }

type mark struct {
	size    int64
	changed time.Time
}

func newVerified() verified { return verified{newCache[mark](16 << 20)} }

func (v verified) has(d digest.Digest, size int64, changed time.Time) bool {
	m, ok := v.marks.get(d.String())
	return ok && m.size == size && m.changed.Equal(changed)
}

func (v verified) add(d digest.Digest, size int64, changed time.Time) {
	v.marks.put(d.String(), mark{size, changed}, 256, v.marks.begin())
}

// A sum is what was found by reading bytes.
type sum struct {
	digest digest.Digest
	size   int64
}

func (s sum) good(d digest.Digest) bool { return s.digest == d }

func (s sum) what() string { return fmt.Sprintf("its %d bytes have digest %s", s.size, s.digest) }

// sum reads the stored bytes of d whole, past pace if there is one.
func (g *Registry) sum(ctx context.Context, d digest.Digest, pace func(context.Context, int) error) (sum, error) {
	r, err := g.driver.Reader(ctx, driver.BlobPath(d), 0)
	if err != nil {
		return sum{}, err
	}
	defer r.Close()
	return sumOf(ctx, d, r, pace)
}

func sumOf(ctx context.Context, d digest.Digest, r io.Reader, pace func(context.Context, int) error) (sum, error) {
	digester := d.Algorithm().Digester()
	n, err := io.Copy(digester.Hash(), paced{ctx, r, pace})
	return sum{digester.Digest(), n}, err
}

// paced reads no faster than it is let, and not after ctx ended.
type paced struct {
	ctx  context.Context
	r    io.Reader
	pace func(context.Context, int) error
}

func (p paced) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	if p.pace != nil && n > 0 {
		if err := p.pace(p.ctx, n); err != nil {
			return n, err
		}
	}
	return n, err
}

// serveLarge sends a blob that does not fit memory. What this process has seen
// to be good goes straight from the file; else it is hashed on its way, and
// the last part is held back until the digest holds: of damaged bytes nobody
// gets all, and nobody gets them twice. A part of a file is sent when the
// whole was found good; a part of an object in a bucket is not checked.
func (g *Registry) serveLarge(w http.ResponseWriter, r *http.Request, at route, to digest.Digest, f io.ReadSeeker) error {
	file, isFile := f.(*os.File)
	var fi os.FileInfo
	if isFile {
		var err error
		if fi, err = file.Stat(); err != nil {
			return err
		}
		isFile = true
		if g.verified.has(to, fi.Size(), fi.ModTime()) {
			http.ServeContent(w, r, "", time.Time{}, f)
			return nil
		}
	}
	whole := r.Method == http.MethodGet && !partial(r.Header)
	switch {
	case r.Method == http.MethodHead || !isFile && !whole:
		http.ServeContent(w, r, "", time.Time{}, f)
		return nil
	case whole:
		return g.sendChecked(w, r, at, to, f, fi)
	}
	found, err := sumOf(r.Context(), to, file, nil)
	if err == nil && !found.good(to) {
		return g.found(r.Context(), &driver.Damage{Kind: driver.DamagedBytes, Repository: at.repo, Digest: at.digest, Path: driver.BlobPath(to), What: found.what()}, to)
	}
	if err == nil {
		g.verified.add(to, fi.Size(), fi.ModTime())
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// heldBack is how much of a blob waits until the whole was found good.
const heldBack = 32 << 10

func (g *Registry) sendChecked(w http.ResponseWriter, r *http.Request, at route, to digest.Digest, f io.ReadSeeker, fi os.FileInfo) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h["Accept-Ranges"] = []string{"bytes"}
	h["Content-Length"] = []string{strconv.FormatInt(size, 10)}
	w.WriteHeader(http.StatusOK)
	digester := to.Algorithm().Digester()
	last := make([]byte, min(size, heldBack))
	if err := hashedCopy(w, f, size-int64(len(last)), digester.Hash()); err != nil {
		panic(http.ErrAbortHandler) // the client left, or the storage cannot be read
	}
	if _, err := io.ReadFull(f, last); err != nil {
		panic(http.ErrAbortHandler)
	}
	digester.Hash().Write(last)
	if found := (sum{digester.Digest(), size}); !found.good(to) {
		_ = g.found(r.Context(), &driver.Damage{Kind: driver.DamagedBytes, Repository: at.repo, Digest: at.digest, Path: driver.BlobPath(to), What: found.what()}, to)
		panic(http.ErrAbortHandler)
	}
	if fi != nil {
		g.verified.add(to, fi.Size(), fi.ModTime())
	}
	w.Write(last)
	return nil
}

// hashedCopy sends n bytes of r and hashes them.
func hashedCopy(w io.Writer, r io.Reader, n int64, into hash.Hash) error {
	buffer := make([]byte, 256<<10)
	_, err := io.CopyBuffer(onlyWriter{w}, io.TeeReader(io.LimitReader(r, n), into), buffer)
	return err
}

// onlyWriter hides ReadFrom, which would take a buffer of its own.
type onlyWriter struct{ io.Writer }

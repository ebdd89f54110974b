package registry

import (
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

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
		if g.storage.IsVerified(to, fi.Size(), fi.ModTime()) {
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
	found, err := storage.SumOf(r.Context(), to, file, nil)
	if err == nil && !found.Good(to) {
		return g.storage.DamageFound(r.Context(), &driver.Damage{Kind: driver.DamagedBytes, Repository: at.repo, Digest: at.digest, Path: driver.BlobPath(to), What: found.What()}, to)
	}
	if err == nil {
		g.storage.SetVerified(to, fi.Size(), fi.ModTime())
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
	if found := storage.NewSum(digester.Digest(), size); !found.Good(to) {
		_ = g.storage.DamageFound(r.Context(), &driver.Damage{Kind: driver.DamagedBytes, Repository: at.repo, Digest: at.digest, Path: driver.BlobPath(to), What: found.What()}, to)
		panic(http.ErrAbortHandler)
	}
	if fi != nil {
		g.storage.SetVerified(to, fi.Size(), fi.ModTime())
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

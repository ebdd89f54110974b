package ingest

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index/catalog"
)

// Restore gives the generation that a Live should begin with: the one that the
// checkpoint at path holds. whole says that it may serve once it is compared with the
// ledgers, to be passed on as Options.Restored. A checkpoint that was made with another trust policy
// does not serve, since it may list what is no longer trusted; generations
// only count on from its number. A damaged one is told in the log and left out.
func Restore(path string, verifier Verifier, listDenied bool, log *slog.Logger) (first *catalog.Generation, whole bool) {
	if path == "" {
		return nil, false
	}
	if verifier == nil {
		verifier = noVerifier{}
	}
	if log == nil {
		log = slog.Default()
	}
	name := checkpointName(path, verifier, listDenied)
	g, err := catalog.LoadFile(name)
	if err == nil {
		log.Info("checkpoint read", "generation", g.Number, "digest", g.Snapshot.Digest(), "plugins", g.Snapshot.Len(), "versions", g.Snapshot.Versions())
		return g, true
	}
	if !errors.Is(err, fs.ErrNotExist) {
		log.Error("checkpoint cannot be used, the catalog is built again", "path", name, "err", err)
	}
	for _, other := range checkpoints(path) {
		if g, err := catalog.LoadFile(other); err == nil && (first == nil || g.Number > first.Number) {
			first = &catalog.Generation{Number: g.Number, Snapshot: catalog.Empty(), At: g.At}
		}
	}
	return first, false
}

// Save writes the checkpoint of what serves. It does nothing before Ready, and
// while the trust policy changed and not everything is judged by it yet.
func (in *Ingester) Save() error {
	if err := in.ledgers.save(); err != nil {
		return err
	}
	name := in.checkpointName()
	if basis := in.basis.Load(); in.opts.Checkpoint == "" || !in.Ready() || basis == nil || *basis != name || !in.dirty.Swap(false) {
		return nil
	}
	raw, err := in.beside() // before what serves is looked at, which then says at least that
	if err != nil {
		in.dirty.Store(true)
		return err
	}
	g := in.opts.Live.Current()
	if err := catalog.SaveFile(name, &catalog.Generation{Number: g.Number, Snapshot: g.Snapshot, At: g.At, Beside: raw}); err != nil {
		in.dirty.Store(true)
		return err
	}
	for _, other := range checkpoints(in.opts.Checkpoint) {
		if other != name {
			os.Remove(other) // of an earlier policy
		}
	}
	return nil
}

func (in *Ingester) checkpointName() string {
	return checkpointName(in.opts.Checkpoint, in.opts.Verifier, in.opts.ListDeniedUnsafe)
}

// settleBasis notes that everything that serves was judged by what name marks.
func (in *Ingester) settleBasis(name string) {
	if before := in.basis.Swap(&name); before == nil || *before != name {
		in.dirty.Store(true)
	}
}

// checkpointName is the checkpoint's file: path with a mark of everything
// besides the registry's content that it depends on.
func checkpointName(path string, verifier Verifier, listDenied bool) string {
	mark := verifier.Digest().String()
	if listDenied {
		mark += " dev"
	}
	return path + "." + digest.FromString(mark).Encoded()[:16]
}

// checkpoints are the files of path, of whatever mark.
func checkpoints(path string) []string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil
	}
	var found []string
	for _, entry := range entries {
		mark, ok := strings.CutPrefix(entry.Name(), filepath.Base(path)+".")
		if ok && len(mark) == 16 && strings.Trim(mark, "0123456789abcdef") == "" {
			found = append(found, filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
	return found
}

package publog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Path is where the log is served.
const Path = "/log/"

// Handler answers the read interface of C2SP tlog-tiles under Path: the
// checkpoint, and the tiles of the tree that it signs. refuse answers what has
// no answer.
func (l *Log) Handler(refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		what := strings.TrimPrefix(r.URL.Path, Path)
		var err error
		if what == "checkpoint" {
			err = l.serveCheckpoint(w, r)
		} else {
			err = l.serveTile(w, r, what)
		}
		if err != nil {
			if errors.Is(err, ErrBroken) {
				err = Problem(err)
			}
			refuse(w, r, err)
		}
	})
}

func (l *Log) serveCheckpoint(w http.ResponseWriter, r *http.Request) error {
	signed, _ := l.Cosigned()
	if err := l.Stuck(); signed == "" && err != nil {
		return Problem(err)
	}
	if signed == "" {
		return index.NewProblem(index.CodeNotFound, "nothing is in the publication log yet", "publish something, and ask again")
	}
	sum := sha256.Sum256([]byte(signed))
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	send(w, r, "text/plain; charset=utf-8", []byte(signed))
	return nil
}

func (l *Log) serveTile(w http.ResponseWriter, r *http.Request, what string) error {
	t, err := parseTilePath(what)
	if err != nil || t.level == eventsLevel {
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("%.100q is nothing that the log has", what),
			"GET /log/checkpoint, or a tile of it such as /log/tile/0/000.p/1 (C2SP tlog-tiles)")
	}
	_, shown := l.Checkpoint()
	if err := l.Stuck(); shown.Origin == "" && err != nil {
		return Problem(err)
	}
	if !t.within(shown.N) && !l.elsewhere(r.Context(), t) {
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("the log has %d leaves, and no %s", shown.N, t),
			"ask for a tile of the tree that /log/checkpoint signs")
	}
	data, err := l.tile(r.Context(), t)
	if errors.Is(l.noticed(err), ErrBroken) {
		return Problem(err)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	send(w, r, "application/octet-stream", data)
	return nil
}

// elsewhere reports whether another replica, which is ahead, may have shown a tree that
// has the tile.
func (l *Log) elsewhere(ctx context.Context, t tilePath) bool {
	head, err := l.o.Store.LogHead(ctx)
	return err == nil && t.within(head.N)
}

func send(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func (l *Log) tile(ctx context.Context, t tilePath) ([]byte, error) {
	switch t.level {
	case eventsLevel:
		return l.sealedTile(ctx, t)
	case entriesLevel:
		return l.entries(ctx, t)
	}
	data, err := l.o.Store.LogTile(ctx, t.level, t.number)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s is gone from the database", ErrBroken, t)
	}
	if err == nil && len(data) < t.width*tlog.HashSize {
		err = fmt.Errorf("%w: %d bytes of %s are there", ErrBroken, len(data), t)
	}
	if err != nil {
		return nil, err
	}
	return data[:t.width*tlog.HashSize], nil
}

// entries is a bundle of entries, each held to its hash: a row that was changed or
// moved is named here, before everybody who reads the log finds another tree.
func (l *Log) entries(ctx context.Context, t tilePath) ([]byte, error) {
	leaves, err := l.written(ctx, t.number*tileWidth, t.width)
	if err != nil {
		return nil, err
	}
	hashes, err := l.tile(ctx, tilePath{number: t.number, width: t.width})
	if err != nil {
		return nil, err
	}
	entries := make([][32]byte, len(leaves))
	for i, one := range leaves {
		entries[i] = one.Entry
		if h := tlog.RecordHash(one.Entry[:]); string(h[:]) != string(hashes[i*tlog.HashSize:][:tlog.HashSize]) {
			return nil, fmt.Errorf("%w: leaf %d in the database is not that of its tile: one of them was changed, or moved", ErrBroken, one.Number)
		}
	}
	return bundle(entries), nil
}

// written are leaves of the database from a number on, all of them there and each
// what its event makes it.
func (l *Log) written(ctx context.Context, from int64, many int) ([]Leaf, error) {
	if many <= 0 {
		return nil, nil
	}
	leaves, err := l.o.Store.Leaves(ctx, LeafQuery{From: from, Limit: many})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	k := l.key
	l.mu.Unlock()
	if err := k.held(leaves, from); err != nil {
		return nil, err
	}
	if len(leaves) != many {
		return nil, fmt.Errorf("%w: leaf %d is gone from the database", ErrBroken, from+int64(len(leaves)))
	}
	return leaves, nil
}

// Prove gives the proof that an event is in the log. It waits a moment where the
// event is not there, or not signed yet, which nobody can tell apart here: both end
// as a *index.Problem with CodeUnavailable, so ask only for what is listed.
func (l *Log) Prove(ctx context.Context, key LeafKey) (Proof, error) {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		changed := l.changes()
		p, err := l.prove(ctx, key, l.Cosigned)
		switch {
		case err == nil:
			return p, nil
		case ctx.Err() != nil && outer.Err() == nil: // witnesses are slow: without them
			if p, err = l.prove(outer, key, l.Checkpoint); err == nil {
				return p, nil
			}
			return p, l.notYet()
		case l.Stuck() != nil || ctx.Err() != nil:
			return p, l.notYet()
		case errors.Is(l.noticed(err), ErrBroken):
			return p, Problem(err)
		case !errors.Is(err, errNotYet):
			return p, err
		}
		l.poke()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// notYet says why there is no proof, though there may be an event.
func (l *Log) notYet() error {
	if err := l.Stuck(); err != nil {
		return Problem(err)
	}
	return index.NewProblem(index.CodeUnavailable, "the version is not in a checkpoint of the publication log yet", "ask again in some seconds")
}

// Problem is a log that is stuck, in the words of the API.
func Problem(err error) *index.Problem {
	return index.NewProblem(index.CodeLogBehind, err.Error(), "an admin looks at it: oarlock log verify says what is wrong; "+
		"oarlock log recover brings back what the registry carries; else restore the database from a backup that has it all")
}

var errNotYet = errors.New("not in a checkpoint yet")

func (l *Log) prove(ctx context.Context, key LeafKey, by func() (string, Checkpoint)) (Proof, error) {
	leaves, err := l.o.Store.Leaves(ctx, LeafQuery{Keys: []LeafKey{key}})
	if err != nil {
		return Proof{}, err
	}
	signed, c := by()
	if len(leaves) == 0 || leaves[0].Number >= c.N {
		return Proof{}, errNotYet
	}
	return l.proofOf(leaves[0], signed, c, storedTiles{ctx, l.o.Store})
}

// proofOf is the proof of a leaf in the tree of a checkpoint.
func (l *Log) proofOf(one Leaf, signed string, c Checkpoint, tiles tlog.TileReader) (Proof, error) {
	path, err := tlog.ProveRecord(c.N, one.Number, tlog.TileHashReader(c.Tree, tiles))
	if err != nil {
		return Proof{}, brokenTiles(err)
	}
	l.mu.Lock()
	salt, verifier := l.key.saltOf(one.Event), l.key.verifier
	l.mu.Unlock()
	p := Proof{Index: one.Number, Path: path, Checkpoint: signed, salt: salt, event: one.Event}
	if _, _, err := p.Verify(verifier); err != nil { // nothing that does not hold leaves the process
		return Proof{}, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return p, nil
}

//go:build e2e

package log

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/scripts/drill"
)

// cosignedSeconds is how long clients ask for cosigned checkpoints; mostCosigned is how
// long one of them waits for the witnesses, and mostAged how old what it is shown is.
const (
	cosignedSeconds = 30
	mostCosigned    = 5 * time.Second
	mostAged        = 5 * time.Second
)

// cosigning is a witness that takes some time, and trusts; and its key.
func cosigning(t *testing.T, name string, takes time.Duration) (publog.Witness, string) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := private.Public().(ed25519.PublicKey)
	id := sha256.Sum256(append([]byte(name+"\n\x04"), public...))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		_, signed, ok := strings.Cut(string(raw), "\n\n")
		text, _, whole := strings.Cut(signed, "\n\n")
		if err != nil || !ok || !whole {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		time.Sleep(takes)
		at := time.Now().Unix()
		sig := ed25519.Sign(private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at, text))
		said := append(binary.BigEndian.AppendUint64(append([]byte{}, id[:4]...), uint64(at)), sig...)
		_, _ = fmt.Fprintf(w, "— %s %s\n", name, base64.StdEncoding.EncodeToString(said))
	}))
	t.Cleanup(s.Close)
	key := fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(append([]byte{4}, public...)))
	return publog.Witness{Key: key, URL: s.URL, Client: s.Client()}, key
}

// TestAQuorumUnderLoad_G6 writes 200 leaves a second, and has a client that wants two
// witnesses ask again and again: each time it is shown what both cosigned, and that
// grows.
func TestAQuorumUnderLoad_G6(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "oarlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	near, one := cosigning(t, "witness.example.org/near", 5*time.Millisecond)
	far, two := cosigning(t, "witness.example.net/far", 300*time.Millisecond)
	l, err := publog.Open(t.Context(), publog.Options{Store: db, Kept: db, Secret: []byte("secret of the drill"), Host: "plugins.example.org",
		Record: kept(), Tail: kept(), Log: slog.New(slog.DiscardHandler), Witnesses: []publog.Witness{near, far}})
	if err != nil {
		t.Fatal(err)
	}
	q, err := publog.NewQuorum([]string{one, two}, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Duration(drill.N(cosignedSeconds))*time.Second)
	var all sync.WaitGroup
	for _, run := range []func(context.Context){l.Run, l.Witness, func(ctx context.Context) { load(ctx, l) }} {
		all.Go(func() { run(ctx) })
	}
	waits, aged := quorums(ctx, t, l, q)
	stop()
	all.Wait()
	if len(waits) < 2 { // the last one was cut by the end
		t.Fatal("no checkpoint that both witnesses cosigned was ever shown")
	}
	slices.Sort(waits)
	slices.Sort(aged)
	_, c := l.Checkpoint()
	t.Logf("%d leaves; %d questions; half of them waited %v and were shown what was %v old", c.N, len(waits),
		waits[len(waits)/2].Round(time.Millisecond), aged[len(aged)/2].Round(time.Millisecond))
	drill.Within(t, "the longest wait for a checkpoint that both witnesses cosigned", waits[len(waits)-1], mostCosigned)
	drill.Within(t, "the oldest checkpoint that was shown", aged[len(aged)-1], mostAged)
}

// load writes leaves until ctx ends.
func load(ctx context.Context, l *publog.Log) {
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for n := 0; ; n++ {
		l.Note(eventOf(n))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// quorums asks for the checkpoint until ctx ends, and gives how long each question
// waited for cosignatures, and how long ago there were as many leaves as it was shown.
func quorums(ctx context.Context, t *testing.T, l *publog.Log, q publog.Quorum) (waits, aged []time.Duration) {
	h := l.Handler(func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusNotFound)
	})
	fetch := func(ctx context.Context, path string) ([]byte, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/log/"+path, nil))
		if w.Code != http.StatusOK {
			return nil, fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.Bytes(), nil
	}
	since, size, seen := map[int64]time.Time{}, int64(-1), ""
	began := time.Now()
	for ctx.Err() == nil {
		if _, head := l.Checkpoint(); head.N != size {
			size = head.N
			since[size] = time.Now()
		}
		f, err := publog.Follow(context.WithoutCancel(ctx), fetch, l.Verifier(), q, seen)
		if err == nil && f.Checkpoint.N > 0 {
			waits, seen = append(waits, time.Since(began)), f.Signed
			if at, known := since[f.Checkpoint.N]; known {
				aged = append(aged, time.Since(at))
			}
			began = time.Now()
		} else if err != nil && !errors.Is(err, publog.ErrNotCosigned) && size > 0 {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return append(waits, time.Since(began)), append(aged, 0)
}

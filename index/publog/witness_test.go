package publog_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
)

// A witness is one as C2SP tlog-witness says, of one log, written from the
// specification and without the code that it tests.
type witness struct {
	name string
	key  ed25519.PrivateKey
	log  note.Verifier

	mu   sync.Mutex
	tree tlog.Tree
}

func newWitness(name string, log note.Verifier) *witness {
	seed := sha256.Sum256([]byte(name))
	return &witness{name: name, key: ed25519.NewKeyFromSeed(seed[:]), log: log}
}

func (w *witness) id() []byte {
	public := w.key.Public().(ed25519.PublicKey)
	sum := sha256.Sum256(append([]byte(w.name+"\n\x04"), public...))
	return sum[:4]
}

func (w *witness) text() string {
	return fmt.Sprintf("%s+%x+%s", w.name, w.id(), base64.StdEncoding.EncodeToString(append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)))
}

func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	head, signed, _ := bytes.Cut(raw, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	var old int64
	if _, err := fmt.Sscanf(lines[0], "old %d", &old); err != nil || r.URL.Path != "/add-checkpoint" || r.Method != http.MethodPost {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	c, err := publog.OpenCheckpoint(string(signed), w.log)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusForbidden)
		return
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		proof = append(proof, h)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if old != w.tree.N || old == c.N && w.tree.Hash != c.Hash {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", w.tree.N)
		return
	}
	if old > c.N || old > 0 && tlog.CheckTree(proof, c.N, c.Hash, old, w.tree.Hash) != nil || old == 0 && len(proof) > 0 {
		http.Error(rw, "the proof does not hold", http.StatusUnprocessableEntity)
		return
	}
	w.tree = c.Tree
	text, _, _ := strings.Cut(string(signed), "\n\n")
	io.WriteString(rw, w.line(text+"\n"))
}

// line is a cosignature of a checkpoint's text.
func (w *witness) line(text string) string {
	at := noon.Unix()
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	raw := append(binary.BigEndian.AppendUint64(w.id(), uint64(at)), sig...)
	return "— " + w.name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func (w *witness) served(t *testing.T) publog.Witness {
	t.Helper()
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	return publog.Witness{Key: w.text(), URL: s.URL, Client: s.Client()}
}

func quorum(t *testing.T, least int, keys ...string) publog.Quorum {
	t.Helper()
	q, err := publog.NewQuorum(keys, least)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// Proves G6: a witness cosigns what extends what it saw, after restarts of the log
// too; a client that asks for it refuses a checkpoint without it; and a history
// that the operator made anew, or cut, is not cosigned.
func TestAWitnessCosignsOneHistory_G6(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), &record{}
	db := opened(t, filepath.Join(dir, "x.db"))
	key := logOf(t, options(db, r)).Verifier()
	w, absent := newWitness("witness.example.org/w1", key), newWitness("witness.example.org/w2", key)
	o := options(db, r)
	o.Witnesses = []publog.Witness{w.served(t)}
	l := logOf(t, o)
	one, both := quorum(t, 0, w.text()), quorum(t, 0, w.text(), absent.text())
	seen := ""
	for _, to := range []int{2, 300, 301} {
		write(t, l, 0, to)
		v, err := publog.VerifyWitnessed(t.Context(), fetch(l), key, one, seen)
		if seen == "" && (!errors.Is(err, publog.ErrNotCosigned) || !errors.Is(err, artifact.ErrUnverified)) || seen != "" && (err != nil || v.Signed != seen) {
			t.Fatalf("%d leaves, not cosigned: %d, %v", to, v.Checkpoint.N, err)
		}
		if to == 301 { // a restarted server does not know what the witness saw
			l = logOf(t, o)
		}
		if err := l.Cosign(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, err = publog.VerifyWitnessed(t.Context(), fetch(l), key, one, seen)
		if err != nil || v.Checkpoint.N != int64(to) || len(v.Cosigned) != 1 || v.Cosigned[0].Witness != w.name || !v.Cosigned[0].At.Equal(noon) {
			t.Fatalf("%d leaves: %+v, %v", to, v.Cosigned, err)
		}
		seen = v.Signed
	}
	if _, err := publog.VerifyWitnessed(t.Context(), fetch(l), key, both, seen); !errors.Is(err, publog.ErrNotCosigned) {
		t.Errorf("of two witnesses one cosigned: %v", err)
	}
	if _, err := publog.VerifyWitnessed(t.Context(), fetch(l), key, quorum(t, 1, w.text(), absent.text()), seen); err != nil {
		t.Errorf("one of two is enough: %v", err)
	}
	if s := l.State(); len(s.Witnesses) != 1 || s.Witnesses[0].Size != 301 || s.Witnesses[0].Problem != "" || s.Checkpoint != seen {
		t.Errorf("the state says %+v", s.Witnesses)
	}
	for what, size := range map[string]int{"cut": 200, "longer": 400, "as long": 301} {
		edited := opened(t, filepath.Join(dir, what+".db"))
		empty := publog.Head{Origin: key.Name(), Tree: tlog.Tree{Hash: emptyRoot(t)}}
		if err := edited.SwapLogHead(t.Context(), publog.Head{}, empty, nil); err != nil {
			t.Fatal(err)
		}
		o := options(edited, &record{})
		o.Witnesses = []publog.Witness{{Key: w.text(), URL: w.served(t).URL, Client: visitor}}
		again := logOf(t, o)
		write(t, again, 1000, 1000+size)
		if err := again.Cosign(t.Context()); err == nil {
			t.Errorf("%s: the witness cosigned another history", what)
		}
		if _, err := publog.VerifyWitnessed(t.Context(), fetch(again), key, one, ""); !errors.Is(err, publog.ErrNotCosigned) {
			t.Errorf("%s: to a client without memory: %v", what, err)
		}
		if s := again.State(); s.Witnesses[0].Problem == "" {
			t.Errorf("%s: the state does not say it", what)
		}
	}
	if w.tree.N != 301 {
		t.Errorf("the witness went on to %d leaves", w.tree.N)
	}
}

// A cosignature that is damaged, of another checkpoint or of another key is none.
func TestACosignatureHasToHold_G6(t *testing.T) {
	t.Parallel()
	l := logOf(t, options(opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}))
	write(t, l, 0, 3)
	signed, _ := l.Checkpoint()
	text, _, _ := strings.Cut(signed, "\n\n")
	w := newWitness("witness.example.org/w1", l.Verifier())
	q := quorum(t, 1, w.text())
	if _, err := q.Check(signed+w.line(text+"\n"), l.Verifier()); err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string]string{
		"another text": w.line(text + "\nmore\n"),
		"another key":  newWitness("witness.example.org/w3", l.Verifier()).line(text + "\n"),
		"none":         "",
		"cut":          w.line(text + "\n")[:90] + "\n",
	} {
		if _, err := q.Check(signed+bad, l.Verifier()); !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := q.Check(text+"\n\n"+w.line(text+"\n"), l.Verifier()); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("the log did not sign it: %v", err)
	}
	for _, bad := range [][]string{{l.Key()}, {"x"}, {w.text(), w.text()}, {strings.Replace(w.text(), "w1", "w9", 1)}, {w.text() + "A"}} {
		if _, err := publog.NewQuorum(bad, 0); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, least := range []int{-1, 2} {
		if _, err := publog.NewQuorum([]string{w.text()}, least); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("quorum %d of 1: %v", least, err)
		}
	}
}

// Proves G6: in the database itself a leaf that is changed, dropped or moved is
// caught by who verifies the log, and by who saw a checkpoint.
func TestAnEditedDatabaseIsCaught_G6(t *testing.T) {
	t.Parallel()
	for what, edit := range map[string]string{
		"changed":   `UPDATE log_leaves SET entry = zeroblob(32) WHERE number = 3`,
		"dropped":   `DELETE FROM log_leaves WHERE number = 3`,
		"cut":       `DELETE FROM log_leaves WHERE number >= 8`,
		"reordered": `UPDATE log_leaves SET entry = CASE number WHEN 3 THEN (SELECT entry FROM log_leaves WHERE number = 4) ELSE (SELECT entry FROM log_leaves WHERE number = 3) END WHERE number IN (3, 4)`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.db")
			l := logOf(t, options(opened(t, path), &record{}))
			write(t, l, 0, 10)
			seen, _ := l.Checkpoint()
			if _, err := publog.Verify(t.Context(), fetch(l), l.Verifier(), seen); err != nil {
				t.Fatal(err)
			}
			editRows(t, path, edit)
			for who, before := range map[string]string{"who never saw it": "", "who saw it": seen} {
				if _, err := publog.Verify(t.Context(), fetch(l), l.Verifier(), before); err == nil {
					t.Errorf("%s takes it", who)
				}
			}
		})
	}
}

// editRows edits a database behind the back of who has it.
func editRows(t *testing.T, path, edit string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if done, err := db.ExecContext(t.Context(), edit); err != nil {
		t.Fatal(err)
	} else if n, err := done.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%d rows edited, %v", n, err)
	}
}

package publog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// A Witness is asked to cosign each checkpoint, by the protocol of C2SP
// tlog-witness v1. It cosigns what extends everything that it saw of this log.
type Witness struct {
	Key    string       // NAME+HASH+KEY
	URL    string       // add-checkpoint is below it
	Client *http.Client // guarded; its timeouts are not relied on
}

const (
	// witnessWithin is how long a witness may take for one answer.
	witnessWithin = 5 * time.Second
	// witnessAgain is how long it is left alone after it did not cosign.
	witnessAgain = 15 * time.Second
	// maxAnswer bounds what is read of a witness's answer, in bytes.
	maxAnswer = 16 << 10
)

// A watched is a witness with what it said.
type watched struct {
	Witness
	by note.Verifier

	mu      sync.Mutex
	size    int64 // it saw, as far as is known
	tree    tlog.Tree
	line    string // its cosignature of tree
	problem error
	rests   time.Time // until then it is not asked
}

func watchedBy(witnesses []Witness) ([]*watched, error) {
	var keys []string
	var out []*watched
	for _, w := range witnesses {
		by, err := NewCosigner(w.Key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, w.Key)
		out = append(out, &watched{Witness: w, by: by})
	}
	_, err := NewQuorum(keys, 0)
	return out, err
}

// A sawError is the size that a witness saw, where it is another than was thought.
type sawError int64

func (e sawError) Error() string {
	return fmt.Sprintf("it saw %d leaves already, which are not those of this history: compare the log with what was shown", int64(e))
}

// cosign asks once, with the proof that the tree of c extends that of old leaves.
func (l *Log) cosign(ctx context.Context, w *watched, signed string, c Checkpoint, old int64) (int64, string, error) {
	ctx, cancel := context.WithTimeout(ctx, witnessWithin)
	defer cancel()
	var proof tlog.TreeProof
	if old > 0 {
		var err error
		if proof, err = tlog.ProveTree(c.N, old, tlog.TileHashReader(c.Tree, storedTiles{ctx, l.o.Store})); err != nil {
			return 0, "", l.noticed(brokenTiles(err))
		}
	}
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintf(&body, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	fmt.Fprintf(&body, "\n%s", signed)
	status, answer, err := w.post(ctx, body.Bytes())
	if err != nil {
		return 0, "", err
	}
	switch status {
	case http.StatusOK:
		line, err := w.lineIn(answer, signed, l.Verifier())
		return c.N, line, err
	case http.StatusConflict:
		size, err := decimal(strings.TrimSuffix(answer, "\n"))
		if err != nil {
			return 0, "", fmt.Errorf("409: %w", err)
		}
		return 0, "", sawError(size)
	}
	return 0, "", fmt.Errorf("%d %.200q", status, answer)
}

func (w *watched) post(ctx context.Context, body []byte) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(w.URL, "/")+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := w.Client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, string(raw), err
}

// lineIn is the witness's own cosignature in its answer, verified: whatever else it
// says is left out.
func (w *watched) lineIn(answer, signed string, log note.Verifier) (string, error) {
	for line := range strings.Lines(answer) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		one := Quorum{witnesses: []note.Verifier{w.by}, least: 1}
		if _, err := one.Check(signed+line, log); err == nil {
			return line, nil
		}
	}
	return "", fmt.Errorf("its answer %.100q has no cosignature of this checkpoint by %s: %w", answer, w.by.Name(), artifact.ErrUnverified)
}

// witnessed says of each witness how far it is, in the words of the API.
func (l *Log) witnessed() []index.LogWitness {
	var out []index.LogWitness
	for _, w := range l.witnesses {
		w.mu.Lock()
		one := index.LogWitness{Key: w.Key, Size: w.tree.N}
		if w.problem != nil {
			one.Problem = "it did not cosign the last checkpoint"
			var other sawError
			if errors.As(w.problem, &other) {
				one.Problem = other.Error()
			}
		}
		w.mu.Unlock()
		out = append(out, one)
	}
	return out
}

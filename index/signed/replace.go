package signed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// A Replace makes Tag mean the manifest d, whose bytes are raw, where it still
// means was, or nothing where that is "". Where it does not, the error wraps
// artifact.ErrConflict and nothing changed.
type Replace func(ctx context.Context, d ocispec.Descriptor, raw []byte, was digest.Digest) error

// ReplaceOver is a Replace of a registry that holds a push to its If-Match and
// If-None-Match, as Oarlock's does. repository is the URL of its API for the
// repository, such as https://plugins.example.org/v2/oarlock/catalog.
func ReplaceOver(client *http.Client, repository string) Replace {
	return func(ctx context.Context, d ocispec.Descriptor, raw []byte, was digest.Digest) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, repository+"/manifests/"+Tag, bytes.NewReader(raw))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", d.MediaType)
		if was == "" {
			r.Header.Set("If-None-Match", "*")
		} else {
			r.Header.Set("If-Match", `"`+was.String()+`"`)
		}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		said, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
		switch answer.StatusCode {
		case http.StatusCreated:
			return nil
		case http.StatusPreconditionFailed, http.StatusConflict:
			return fmt.Errorf("another server published meanwhile: %w", artifact.ErrConflict)
		}
		if err != nil {
			return err
		}
		return fmt.Errorf("push %s: status %d: %.500s", Tag, answer.StatusCode, said)
	}
}

// reserve takes the numbers that are about to be signed, so that no other
// server signs one of them too: a reader that saw one of two metadata with one
// number would refuse the other, or hold it for the same.
func (j *publication) reserve(targets, snapshot bool) error {
	raise := func(v versions) versions {
		v.Timestamp++
		if snapshot {
			v.Snapshot++
		}
		if targets {
			v.Targets++
		}
		return v
	}
	if j.p.o.Numbers == nil {
		j.counted = raise(j.counted)
		return nil
	}
	var next versions
	err := j.p.o.Numbers(j.ctx, func(raw []byte) ([]byte, error) {
		var taken versions
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &taken); err != nil {
				return nil, fmt.Errorf("the numbers that were signed cannot be read: %w", err)
			}
		}
		next = raise(versions{max(taken.Targets, j.counted.Targets), max(taken.Snapshot, j.counted.Snapshot), max(taken.Timestamp, j.counted.Timestamp)})
		return json.Marshal(next)
	})
	if err != nil {
		return fmt.Errorf("reserve numbers: %w", err)
	}
	j.counted = next
	return nil
}

package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// sentence is the content of the files below /oarlock/gc.
type sentence struct {
	Target digest.Digest `json:"target"`
	Since  time.Time     `json:"since"`
	Run    string        `json:"run"`
}

// sentence reads a file of the collector about the link or bytes named d.
func (s Sweep) sentence(ctx context.Context, at string, d digest.Digest) (sentence, error) {
	content, err := s.raw().GetContent(ctx, at)
	if isNotFound(err) {
		return sentence{}, artifact.ErrNotFound
	}
	if err != nil {
		return sentence{}, fmt.Errorf("read %s: %w", at, err)
	}
	return parseSentence(at, d, content)
}

// parseSentence reads what a collector wrote about d. These files are not
// synced; of one that a power cut emptied, the name says what is needed: the
// time counts as long ago, which only a collector asks for.
func parseSentence(at string, d digest.Digest, content []byte) (sentence, error) {
	var told sentence
	if json.Unmarshal(content, &told) == nil && told.Target.Validate() == nil && told.Run != "" {
		return told, nil
	}
	if d.Algorithm() == digest.SHA256 {
		return sentence{Target: d, Run: "unknown"}, nil
	}
	return told, &Damage{Path: at, Digest: d, What: fmt.Sprintf("is a file of the collector with content %.80q", content)}
}

// put writes a file of the collector. It is whole or not there, but not
// synced: losing it costs what nothing reaches, or another run.
func (s Sweep) put(ctx context.Context, at string, told sentence) error {
	content, err := json.Marshal(told)
	if err != nil {
		return err
	}
	if s.g.driver.root != "" {
		return s.g.driver.putScratch(at, content)
	}
	return s.raw().PutContent(ctx, at, content)
}

package derive

import (
	"context"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/block"
)

// withheldBy is what blocks withhold, as the catalog says it.
func withheldBy(blocks *block.Blocks) func(context.Context, string, digest.Digest) (index.VersionState, index.Reason, error) {
	return func(ctx context.Context, repo string, d digest.Digest) (index.VersionState, index.Reason, error) {
		w, ok, err := blocks.Withheld(ctx, repo, d)
		if err != nil || !ok {
			return "", index.Reason{}, err
		}
		state, code, detail := index.VersionBlocked, index.ReasonBlocked, "blocked: "+w.Reason
		if w.Kind == block.WithheldQuarantined {
			state, code, detail = index.VersionQuarantined, index.ReasonQuarantined, fmt.Sprintf("%s is damaged and in quarantine: %s", w.Digest, w.Reason)
		}
		if !w.Since.IsZero() {
			detail += ", since " + w.Since.UTC().Format(time.RFC3339)
		}
		if w.By != "" {
			detail += ", by " + w.By
		}
		return state, index.Reason{Code: code, Detail: detail}, nil
	}
}

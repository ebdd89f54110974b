package client

import (
	"context"
	"fmt"
	"iter"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// maxPages bounds a walk, so that a server cannot keep it going for ever.
const maxPages = 1 << 16

// Plugins walks all pages of q, one plugin at a time, all from the generation
// that the first page came from. An error ends the walk.
func (c *Client) Plugins(ctx context.Context, q index.Query) iter.Seq2[index.Row, error] {
	return func(yield func(index.Row, error) bool) {
		for pages := 0; ; pages++ {
			if pages == maxPages {
				yield(index.Row{}, fmt.Errorf("%s: plugins: more than %d pages: %w", c.Host(), maxPages, artifact.ErrInvalid))
				return
			}
			page, err := c.Search(ctx, q)
			if err != nil {
				yield(index.Row{}, err)
				return
			}
			for _, row := range page.Items {
				if !yield(row, nil) {
					return
				}
			}
			if page.NextCursor == "" || page.NextCursor == q.Cursor {
				return
			}
			q.Cursor, q.Generation = page.NextCursor, page.Generation
		}
	}
}

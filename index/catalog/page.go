package catalog

import (
	"math"
	"slices"
)

// A place is where a hit stands in the order of an answer: by key, then by
// rank of id.
type place struct {
	key  uint64
	rank uint32
	slot uint32
}

func (p place) before(o place) bool { return p.key < o.key || p.key == o.key && p.rank < o.rank }

// page gives the hits of one page in order, and whether more come after it.
func (r *search) page(after *cursor) (page []place, more bool) {
	switch r.q.Sort {
	case SortName:
		page = r.walk(r.names, byName, after)
	case SortUpdated:
		page = r.walk(r.updates, byUpdated, after)
	default:
		page = r.best(after)
	}
	if len(page) > r.q.Limit {
		return page[:r.q.Limit], true
	}
	return page, false
}

// walk goes along an order that is there already, to one hit past the page.
func (r *search) walk(o *order, compare func(a, b *entry) int, after *cursor) []place {
	slots := o.slots
	if after != nil {
		i, found := o.search(&r.shelf, r.tree.get(after.id), compare)
		slots = slots[i+boolInt(found):]
	}
	page := make([]place, 0, min(r.q.Limit+1, r.total))
	for _, slot := range slots {
		if len(page) > r.q.Limit || len(page) == r.total {
			break
		}
		if r.hits.has(slot) {
			page = append(page, place{slot: slot})
		}
	}
	return page
}

// best picks the first hits after the cursor by a key made for each, one more
// than the page: a heap whose top is the last of those picked.
func (r *search) best(after *cursor) []place {
	ranks := r.ids.rank(r.shelf.slots)
	most := r.q.Limit + 1
	from := place{}
	if after != nil {
		from = place{key: after.key, rank: ranks[r.tree.get(after.id).slot]}
	}
	heap := make([]place, 0, min(most, r.total))
	for slot := range r.found {
		p := place{r.key(slot), ranks[slot], slot}
		switch {
		case after != nil && !from.before(p):
		case len(heap) < most:
			heap = append(heap, p)
			if len(heap) == most {
				for i := most/2 - 1; i >= 0; i-- {
					sink(heap, i)
				}
			}
		case p.before(heap[0]):
			heap[0] = p
			sink(heap, 0)
		}
	}
	slices.SortFunc(heap, func(a, b place) int { return boolInt(b.before(a)) - boolInt(a.before(b)) })
	return heap
}

func sink(heap []place, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child].before(heap[child+1]) {
			child++
		}
		if !heap[i].before(heap[child]) {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}

// found calls yield for every hit.
func (r *search) found(yield func(uint32) bool) {
	if r.q.Text == "" {
		r.hits.all(yield)
		return
	}
	for _, slot := range r.matched {
		if r.hits.has(slot) && !yield(slot) {
			return
		}
	}
}

// key is smaller for what comes first.
func (r *search) key(slot uint32) uint64 {
	switch {
	case r.q.Sort == SortRelevance:
		return descending(int64(r.scratch.score[slot]))
	case r.q.Sort == SortDownloads && r.env != nil:
		return descending(r.env.Downloads(r.shelf.entry(slot).id))
	case r.q.Sort == SortRating && r.env != nil:
		average, _ := r.env.Rating(r.shelf.entry(slot).id)
		return ^math.Float64bits(max(average, 0))
	}
	return 0
}

func descending(n int64) uint64 { return ^(uint64(n) ^ 1<<63) }

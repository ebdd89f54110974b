package catalog

import (
	"crypto/sha256"
	"hash"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// A tree holds entries by name in 64 × 64 buckets, and is a Merkle tree at the
// same time: a bucket's sum is over its entries in order of name, a group's
// over its buckets, the root's over the groups. Content alone decides which
// bucket a name is in, so equal content has an equal root however it came
// about. A tree is never changed: edit gives a new one that shares the rest.
type tree struct {
	groups [fanout]*group
	sum    [sha256.Size]byte
	count  counts
}

const fanout = 64

type counts struct {
	plugins, versions, pending int
	// deleted are those of plugins of which the name alone is left.
	deleted int
}

type group struct {
	buckets [fanout]*bucket
	sum     [sha256.Size]byte
}

type bucket struct {
	entries []*entry // by name
	sum     [sha256.Size]byte
}

// treeLabel begins what the root is made from, so that another layout never
// has the same digest.
const treeLabel = "oarlock catalog 1\n"

var emptyTree = func() *tree {
	t := new(tree)
	t.seal()
	return t
}()

// bucketOf is FNV-1a of the name, folded to the 12 bits of a bucket.
func bucketOf(id artifact.Name) (int, int) {
	h := uint32(2166136261)
	add := func(s string) {
		for i := range len(s) {
			h = (h ^ uint32(s[i])) * 16777619
		}
	}
	add(id.Publisher())
	add("/")
	add(id.Plugin())
	h ^= h >> 15
	return int(h>>6) % fanout, int(h) % fanout
}

func (t *tree) get(id artifact.Name) *entry {
	g, b := bucketOf(id)
	if t.groups[g] == nil || t.groups[g].buckets[b] == nil {
		return nil
	}
	return t.groups[g].buckets[b].find(id)
}

func (b *bucket) find(id artifact.Name) *entry {
	if i, ok := b.search(id); ok {
		return b.entries[i]
	}
	return nil
}

func (b *bucket) search(id artifact.Name) (int, bool) {
	return slices.BinarySearchFunc(b.entries, id, func(e *entry, id artifact.Name) int { return e.id.Compare(id) })
}

// An edit sets a name to an entry, or removes it where entry is nil.
type edit struct {
	id    artifact.Name
	entry *entry
}

// edit applies edits, the later one of a name winning.
func (t *tree) edit(edits []edit) *tree {
	next := *t
	groups := map[int]*group{}
	buckets := map[*bucket]bool{} // those made here, which may still change
	for _, one := range edits {
		gi, bi := bucketOf(one.id)
		g := groups[gi]
		if g == nil {
			g = new(group)
			if t.groups[gi] != nil {
				*g = *t.groups[gi]
			}
			groups[gi], next.groups[gi] = g, g
		}
		b := g.buckets[bi]
		if !buckets[b] {
			fresh := new(bucket)
			if b != nil {
				fresh.entries = slices.Clone(b.entries)
			}
			b = fresh
			g.buckets[bi], buckets[b] = b, true
		}
		next.count.add(b.set(one))
	}
	for b := range buckets {
		b.seal()
	}
	for _, g := range groups {
		g.seal()
	}
	next.seal()
	return &next
}

// set applies one edit and says how the counts change.
func (b *bucket) set(one edit) counts {
	var by counts
	i, there := b.search(one.id)
	if there {
		by.add(b.entries[i].counts(-1))
	}
	switch {
	case one.entry == nil && there:
		b.entries = slices.Delete(b.entries, i, i+1)
	case one.entry != nil && there:
		b.entries[i] = one.entry
	case one.entry != nil:
		b.entries = slices.Insert(b.entries, i, one.entry)
	}
	if one.entry != nil {
		by.add(one.entry.counts(1))
	}
	return by
}

func (e *entry) counts(sign int) counts {
	if e.deleted() {
		return counts{plugins: sign, deleted: sign}
	}
	return counts{plugins: sign, versions: sign * int(e.versions), pending: sign * int(e.pending)}
}

func (c *counts) add(o counts) {
	c.plugins += o.plugins
	c.versions += o.versions
	c.pending += o.pending
	c.deleted += o.deleted
}

func (b *bucket) seal() {
	h := sha256.New()
	for _, e := range b.entries {
		h.Write(e.leaf[:]) // made from the record, which begins with the name
	}
	h.Sum(b.sum[:0])
}

func (g *group) seal() {
	h := sha256.New()
	for _, b := range g.buckets {
		writeSum(h, b != nil && len(b.entries) > 0, func() []byte { return b.sum[:] })
	}
	h.Sum(g.sum[:0])
}

func (t *tree) seal() {
	h := sha256.New()
	h.Write([]byte(treeLabel))
	for _, g := range t.groups {
		writeSum(h, g != nil && !g.empty(), func() []byte { return g.sum[:] })
	}
	h.Sum(t.sum[:0])
}

func (g *group) empty() bool {
	for _, b := range g.buckets {
		if b != nil && len(b.entries) > 0 {
			return false
		}
	}
	return true
}

// writeSum writes zeros for what is empty, whether it was never there or
// lost its last entry.
func writeSum(h hash.Hash, present bool, sum func() []byte) {
	if !present {
		var zero [sha256.Size]byte
		h.Write(zero[:])
		return
	}
	h.Write(sum())
}

func (t *tree) digest() digest.Digest { return digest.NewDigestFromBytes(digest.SHA256, t.sum[:]) }

// since calls yield for every entry of t that old does not have just so. It
// passes over whole groups and buckets that both share.
func (t *tree) since(old *tree) func(yield func(*entry) bool) {
	return func(yield func(*entry) bool) {
		for i, g := range t.groups {
			if g == nil || g == old.groups[i] {
				continue
			}
			for j, b := range g.buckets {
				var was *bucket
				if old.groups[i] != nil {
					was = old.groups[i].buckets[j]
				}
				if b == nil || b == was {
					continue
				}
				for _, e := range b.entries {
					if was != nil && was.find(e.id) == e {
						continue
					}
					if !yield(e) {
						return
					}
				}
			}
		}
	}
}

// resealed is the root made again from the leaves where t and old differ.
func (t *tree) resealed(old *tree) [sha256.Size]byte {
	fresh := *t
	for i, g := range t.groups {
		if g == nil || g == old.groups[i] {
			continue
		}
		copied := *g
		for j, b := range g.buckets {
			if b != nil {
				again := &bucket{entries: b.entries}
				again.seal()
				copied.buckets[j] = again
			}
		}
		copied.seal()
		fresh.groups[i] = &copied
	}
	fresh.seal()
	return fresh.sum
}

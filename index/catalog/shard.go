package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// MaxShardBits is the most bits by which Shard divides.
const MaxShardBits = 12

// bucketBits are those of a bucket's number within its group.
const bucketBits = 6

// A Shard is those plugins of a Snapshot whose names begin, hashed, with the
// same bits. A change of one plugin changes one shard.
type Shard struct{ buckets []*bucket }

// Shard gives the n-th of 2^bits parts; bits is at most MaxShardBits.
func (s *Snapshot) Shard(bits, n int) Shard {
	size := 1 << (MaxShardBits - bits)
	sh := Shard{buckets: make([]*bucket, 0, size)}
	for i := n * size; i < (n+1)*size; i++ {
		if g := s.tree.groups[i>>bucketBits]; g != nil {
			if b := g.buckets[i%fanout]; b != nil && len(b.entries) > 0 {
				sh.buckets = append(sh.buckets, b)
			}
		}
	}
	return sh
}

// Sum is equal for equal content, and costs little: nothing is encoded.
func (sh Shard) Sum() [sha256.Size]byte {
	h := sha256.New()
	for _, b := range sh.buckets {
		h.Write(b.sum[:])
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}

// Append appends the canonical bytes of sh to b: length and record of each
// plugin, in order of bucket and id.
func (sh Shard) Append(b []byte) []byte {
	for _, bucket := range sh.buckets {
		for _, e := range bucket.entries {
			b = binary.AppendUvarint(b, uint64(len(e.record)))
			b = append(b, e.record...)
		}
	}
	return b
}

// Assemble makes the Snapshot whose 2^bits shards have these bytes, in order.
// The bytes may be foreign; errors wrap artifact.ErrInvalid and name the shard.
// Whether they are the right ones, Digest tells.
//
// Shards do not say when their versions came. What publishers say of it counts
// instead, as far as it is not after asOf, when the catalog was made; with the
// zero time nothing does.
func Assemble(bits int, shards []string, asOf time.Time) (*Snapshot, error) {
	if bits < 0 || bits > MaxShardBits || len(shards) != 1<<bits {
		return nil, fmt.Errorf("catalog: %d shards of %d bits, expected 2^bits and at most %d bits: %w", len(shards), bits, MaxShardBits, artifact.ErrInvalid)
	}
	s := Empty()
	s.claims = boundAt(asOf)
	parts, errs := make([][]draft, len(shards)), make([]error, len(shards))
	parallel(len(shards), func(i int) { parts[i], errs[i] = readShard(bits, i, shards[i], s.words, s.claims) })
	var all []draft
	for i, part := range parts {
		if errs[i] != nil {
			return nil, fmt.Errorf("catalog: shard %d of %d: %w", i, len(shards), errs[i])
		}
		all = append(all, part...)
	}
	return s.with(all), nil
}

// Replace is s with other bytes in some of its 2^bits shards, by number; what is
// not in them any more is removed. asOf and errors are those of Assemble.
func (s *Snapshot) Replace(bits int, shards map[int]string, asOf time.Time) (*Snapshot, error) {
	if s.mask != nil {
		s = s.whole()
	}
	if len(shards) == 0 && s.claims == boundAt(asOf) {
		return s, nil
	}
	of := *s
	s, of.claims = &of, boundAt(asOf)
	var all []draft
	for n, raw := range shards {
		if bits < 0 || bits > MaxShardBits || n < 0 || n >= 1<<bits {
			return nil, fmt.Errorf("catalog: shard %d of %d bits: %w", n, bits, artifact.ErrInvalid)
		}
		part, err := readShard(bits, n, raw, s.words, s.claims)
		if err != nil {
			return nil, fmt.Errorf("catalog: shard %d of %d: %w", n, 1<<bits, err)
		}
		there := make(map[artifact.Name]bool, len(part))
		for _, d := range part {
			there[d.entry.id] = true
		}
		for _, bucket := range s.Shard(bits, n).buckets {
			for _, e := range bucket.entries {
				if !there[e.id] {
					all = append(all, draft{entry: &entry{id: e.id}})
				}
			}
		}
		all = append(all, part...)
	}
	overtaken, err := s.overtaken(all)
	if err != nil {
		return nil, err
	}
	return s.with(append(all, overtaken...)), nil
}

// Named are the plugins that the canonical bytes of a Shard name: those that it
// holds, and those that they name as replacements. One that is no name is the zero
// Name. Errors wrap artifact.ErrInvalid.
func Named(shard string) ([]artifact.Name, error) {
	r, w := &reader{s: shard}, newWords()
	var out []artifact.Name
	for r.pos < len(r.s) {
		record := r.str()
		if r.err != nil {
			return nil, r.err
		}
		p, _, err := skimRecord(record, w)
		if err != nil {
			return nil, err
		}
		out = append(append(out, p.ID), p.names()...)
	}
	return out, nil
}

// overtaken are the plugins, but those of drafts, with a version that claimed
// to be of later than a bound before: the bound may have come past it.
func (s *Snapshot) overtaken(drafts []draft) ([]draft, error) {
	known := make(map[artifact.Name]bool, len(drafts))
	for _, d := range drafts {
		known[d.entry.id] = true
	}
	var out []draft
	for _, slot := range s.ids.slots {
		e := s.shelf.entry(slot)
		if !e.ahead || known[e.id] {
			continue
		}
		p, masks, err := skimRecord(e.record, s.words)
		if err != nil {
			return nil, err
		}
		out = append(out, draftOf(p, e.record, masks, s.words, s.claims))
	}
	return out, nil
}

func readShard(bits, n int, raw string, w *words, claims bound) ([]draft, error) {
	r := &reader{s: raw, words: w}
	var out []draft
	last := -1
	for r.pos < len(r.s) {
		record := r.str()
		if r.err != nil {
			return nil, r.err
		}
		p, masks, err := skimRecord(record, w)
		if err != nil {
			return nil, err
		}
		g, b := bucketOf(p.ID)
		at := g<<bucketBits | b
		switch {
		case p.ID.IsZero():
			return nil, fmt.Errorf("plugin without id: %w", artifact.ErrInvalid)
		case at>>(MaxShardBits-bits) != n:
			return nil, fmt.Errorf("plugin %q belongs to shard %d: %w", p.ID, at>>(MaxShardBits-bits), artifact.ErrInvalid)
		case len(out) > 0 && cmp.Or(cmp.Compare(last, at), out[len(out)-1].entry.id.Compare(p.ID)) >= 0:
			return nil, fmt.Errorf("plugin %q is out of order: %w", p.ID, artifact.ErrInvalid)
		}
		last = at
		out = append(out, draftOf(p, record, masks, w, claims))
	}
	return out, nil
}

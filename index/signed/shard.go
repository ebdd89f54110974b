package signed

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

func digestOf(content []byte) digest.Digest { return digest.SHA256.FromBytes(content) }

// bitsFor is by how many bits a catalog of so many plugins is cut. There are
// about as many shards as there are plugins in one, which is where the list of
// shards and the shard that changed, both fetched after a change, cost alike.
func bitsFor(plugins int) int {
	if plugins < 2 {
		return 0
	}
	return min((bits.Len(uint(plugins-1))+1)/2, catalog.MaxShardBits)
}

// shardName is the target of shard n of 2^b.
func shardName(b, n int) string { return fmt.Sprintf("shard-%0*x.zst", (b+3)/4, n) }

var packers = sync.Pool{New: func() any {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		panic(err) // the options are constants
	}
	return w
}}

// pack compresses a shard; equal content gives equal bytes.
func pack(raw []byte) ([]byte, error) {
	if len(raw) > maxShard {
		return nil, fmt.Errorf("shard: %d bytes, expected at most %d: %w", len(raw), maxShard, artifact.ErrInvalid)
	}
	w := packers.Get().(*zstd.Encoder)
	defer packers.Put(w)
	return w.EncodeAll(raw, nil), nil
}

// unpack is what pack packed. The bytes may be foreign; errors wrap
// artifact.ErrInvalid.
func unpack(packed []byte) (string, error) {
	r, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxShard))
	if err != nil {
		return "", fmt.Errorf("shard: %s: %w", err, artifact.ErrInvalid)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxShard+1))
	if err != nil {
		return "", fmt.Errorf("shard: %s: %w", err, artifact.ErrInvalid)
	}
	if len(raw) > maxShard {
		return "", fmt.Errorf("shard: more than %d bytes unpacked: %w", maxShard, artifact.ErrInvalid)
	}
	return string(raw), nil
}

package publog

import (
	"bytes"
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// TailRecord is where the events that the copy in the registry lacks are kept
// beside the registry's bytes, sealed.
const TailRecord = "records/publication-log-tail"

const (
	tailHeader = "oarlock log tail 1 "
	// maxTail is how many events the tail has at most: a copy that lags behind by
	// more is an alert already.
	maxTail = 64 * tileWidth
)

// A tail is the events behind those that a copy has.
type tail struct {
	from   int64
	events [][]byte
}

func (k *key) sealTail(t tail) ([]byte, error) {
	header := fmt.Sprintf("%s%d %d", tailHeader, t.from, len(t.events))
	sealed, err := k.sealed(header, t.events)
	return append([]byte(header+"\n"), sealed...), err
}

// unsealTail reads a tail; nothing is the tail of nothing. Errors wrap
// artifact.ErrUnverified.
func (k *key) unsealTail(raw []byte) (tail, error) {
	var t tail
	if len(raw) == 0 {
		return t, nil
	}
	header, sealed, _ := bytes.Cut(raw, []byte("\n"))
	var events int
	if _, err := fmt.Sscanf(string(header), tailHeader+"%d %d", &t.from, &events); err != nil || t.from < 0 {
		return t, fmt.Errorf("%s: %.60q: %w", TailRecord, header, artifact.ErrUnverified)
	}
	var err error
	if t.events, err = k.unsealed(string(header), sealed); err == nil && len(t.events) != events {
		err = fmt.Errorf("%s: %d events, expected %d: %w", TailRecord, len(t.events), events, artifact.ErrUnverified)
	}
	return t, err
}

// keepTail writes down the events that a copy in the registry may lack, before the
// checkpoint of them is remembered: with the copy they are the whole log.
func (l *Log) keepTail(ctx context.Context, size int64) error {
	return l.o.Tail(ctx, func(have []byte) ([]byte, error) {
		from := l.copied.Load()
		if was, err := l.key.unsealTail(have); err == nil {
			from = max(from, was.from)
			if was.from+int64(len(was.events)) > size { // of a replica that was faster
				return have, nil
			}
		}
		from = max(from, size-maxTail)
		leaves, err := l.written(ctx, from, int(size-from))
		if err != nil {
			return nil, err
		}
		t := tail{from: from}
		for _, one := range leaves {
			t.events = append(t.events, one.Event)
		}
		return l.key.sealTail(t)
	})
}

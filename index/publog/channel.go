package publog

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// What happened to a channel, as Event.Statement says it.
const (
	ChannelSet     = "channel.set"
	ChannelRemoved = "channel.removed"
)

// channelKey is that of the nth move of a channel: two replicas that tell of one
// move make one leaf, and a channel that comes back to what it meant before makes
// another.
func channelKey(plugin, channel string, sequence int) LeafKey {
	return Event{Kind: Channel, Plugin: plugin + ":" + channel, Sequence: sequence}.Key()
}

// moves reports whether the event is that a channel was set, moved or removed.
func (e Event) moves() bool { return e.Kind == Channel && e.Channel != "" }

// channelOf names the channel that an event moves.
func (e Event) channelOf() string { return e.Plugin + ":" + e.Channel }

func (e Event) sameMove(o Event) bool { return e.Digest == o.Digest && e.Statement == o.Statement }

// Moved has a move of a channel written into the log, where it changes what the log
// says of the channel. It never waits, as Note.
func (l *Log) Moved(e Event) {
	if e.moves() {
		l.Note(e)
	}
}

// number gives each move of a channel its sequence, and leaves out those that
// change nothing of what the log says. All other events stay as they are.
func (l *Log) number(ctx context.Context, events []Event) ([]Event, error) {
	last, err := l.lastMoves(ctx, events)
	if err != nil || last == nil {
		return events, err
	}
	out := make([]Event, 0, len(events))
	for _, e := range events {
		if e.moves() {
			was := last[e.channelOf()]
			if e.Statement == ChannelRemoved && e.Digest == "" { // its tag was damaged
				e.Digest = was.Digest
			}
			if was.sameMove(e) || was.Sequence == 0 && e.Statement == ChannelRemoved {
				continue
			}
			e.Sequence = was.Sequence + 1
			last[e.channelOf()] = e
		}
		out = append(out, e)
	}
	return out, nil
}

// lastMoves is the last move of each channel that events move, as the database has
// it; the zero Event is none. It is nil where no event moves any.
//
// The moves of a channel are numbered without gaps, so each round asks for all
// channels at once whether they have so many, and halves what is not known.
func (l *Log) lastMoves(ctx context.Context, events []Event) (map[string]Event, error) {
	var last map[string]Event
	var open []*search
	for _, e := range events {
		if !e.moves() {
			continue
		}
		if last == nil {
			last = map[string]Event{}
		}
		if _, known := last[e.channelOf()]; !known {
			last[e.channelOf()] = Event{}
			open = append(open, &search{plugin: e.Plugin, channel: e.Channel, ask: 1})
		}
	}
	for len(open) > 0 {
		keys := make([]LeafKey, len(open))
		for i, s := range open {
			keys[i] = channelKey(s.plugin, s.channel, s.ask)
		}
		found, err := l.events(ctx, keys)
		if err != nil {
			return nil, err
		}
		var still []*search
		for i, s := range open {
			e, there := found[keys[i]]
			if there {
				last[e.channelOf()] = e
			}
			if s.next(there) {
				still = append(still, s)
			}
		}
		open = still
	}
	return last, nil
}

// A search finds how many moves of a channel there are.
type search struct {
	plugin, channel string
	has             int // so many there are
	lacks           int // and not so many; 0 is not known
	ask             int
}

// next takes an answer, and reports whether there is more to ask.
func (s *search) next(there bool) bool {
	if there {
		s.has = s.ask
	} else {
		s.lacks = s.ask
	}
	if s.lacks == 0 {
		s.ask = 2 * s.has
		return true
	}
	s.ask = (s.has + s.lacks) / 2
	return s.lacks-s.has > 1
}

// events reads the events with keys.
func (l *Log) events(ctx context.Context, keys []LeafKey) (map[LeafKey]Event, error) {
	leaves, err := l.o.Store.Leaves(ctx, LeafQuery{Keys: keys})
	if err != nil {
		return nil, err
	}
	out := make(map[LeafKey]Event, len(leaves))
	for _, one := range leaves {
		e, err := ReadEvent(one.Event)
		if err != nil || e.Key() != one.Key {
			return nil, fmt.Errorf("%w: leaf %d in the database is not what was written: %w", ErrBroken, one.Number, err)
		}
		out[one.Key] = e
	}
	return out, nil
}

// overtaken are the moves of those that were to be written where another replica
// wrote another move in their place: they are to be numbered again.
func (l *Log) overtaken(ctx context.Context, events []Event) ([]Event, error) {
	var keys []LeafKey
	for _, e := range events {
		if e.moves() {
			keys = append(keys, e.Key())
		}
	}
	if keys == nil {
		return nil, nil
	}
	written, err := l.events(ctx, keys)
	if err != nil {
		return nil, err
	}
	var again []Event
	for _, e := range events {
		if at, there := written[e.Key()]; e.moves() && there && !at.sameMove(e) {
			e.Sequence = 0
			again = append(again, e)
		}
	}
	return again, nil
}

// current has the channels among events that the catalog tells of say what they
// mean now, where the log says something else: the catalog may be older than what
// was written meanwhile.
func (l *Log) current(ctx context.Context, events []Event) ([]Event, error) {
	last, err := l.lastMoves(ctx, events)
	if err != nil || last == nil {
		return events, err
	}
	out := make([]Event, 0, len(events))
	for _, e := range events {
		if was := last[e.channelOf()]; e.moves() && !was.sameMove(e) {
			var now digest.Digest
			switch now, err = l.o.Channel(ctx, e.Plugin, e.Channel); {
			case errors.Is(err, artifact.ErrNotFound):
				e.Statement, e.Digest = ChannelRemoved, was.Digest
			case err != nil:
				return nil, fmt.Errorf("channel %s: %w", e.channelOf(), err)
			default:
				e.Digest = now
			}
		}
		out = append(out, e)
	}
	return out, nil
}

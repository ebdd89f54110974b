package catalog

// changes are what several drafts change in a Snapshot, sorted by the parts of
// the Snapshot that they change.
type changes struct {
	edits               []edit
	placed              []placed
	slots               []uint32
	ids, names, updates moves
	words               wordEdit
}

// moves are those entries that leave an order and those that come into it.
type moves struct{ out, in []*entry }

// draft takes up one draft. next gives slots to new plugins; apart from those
// it is still as before.
func (c *changes) draft(next *Snapshot, d *draft) {
	was := next.tree.get(d.entry.id)
	now := d.entry
	if now.record == "" {
		now = nil
	}
	switch {
	case was == nil && now == nil:
		return
	case was != nil && now != nil && was.record == now.record && was.raised == now.raised && was.equal(&now.times):
		return
	case was != nil:
		d.entry.slot = was.slot
	default:
		d.entry.slot = next.shelf.take()
	}
	slot := d.entry.slot
	c.edits = append(c.edits, edit{d.entry.id, now})
	c.placed = append(c.placed, placed{slot, now, d.traits})
	c.slots = append(c.slots, slot)
	c.ids.move(was, now, func(a, b *entry) bool { return true })
	c.names.move(shown(was), shown(now), func(a, b *entry) bool { return a.name == b.name })
	c.updates.move(shown(was), shown(now), func(a, b *entry) bool { return a.updated == b.updated })
	c.words.doc(slot, next.docOf(was), d.doc)
}

func shown(e *entry) *entry {
	if e == nil || !e.shown {
		return nil
	}
	return e
}

// move notes that was gives way to now, unless it stays where it is.
func (m *moves) move(was, now *entry, same func(a, b *entry) bool) {
	if was != nil && now != nil && same(was, now) {
		return
	}
	if was != nil {
		m.out = append(m.out, was)
	}
	if now != nil {
		m.in = append(m.in, now)
	}
}

// docOf reads again what text search knows of e.
func (s *Snapshot) docOf(e *entry) *doc {
	if shown(e) == nil {
		return nil
	}
	p := s.decode(e)
	face := p.face()
	if face == nil {
		return nil
	}
	d := docOf(p, face)
	return &d
}

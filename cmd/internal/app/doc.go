// Package app turns a configuration into a running server. It is the only
// place that knows registry, policy and index at once, and joins them:
//
//	listener ─┬─ /v2/ ── who asks ── registry ── Sink ──▶ ingester ──▶ catalog.Live
//	          │             ▲            └── gate ──▶ accounts ──▶ store
//	          ├─ /auth/ ────┘                              ▲
//	          └─ else ── who asks ── index/api ─ account ───┘ ◀── reads ── catalog.Live
//
// Open is one straight line from the floor up:
//
//	premises (database, storage, blocks, addresses) → ingest → accounts → registry
//	→ engines (ledgers, publishers, lifecycle, upkeep, signed catalog) → api, web → edge
//
// Each part is given all that it needs when it is made. docs/design.md says why,
// and where the one circle is closed.
package app

// Package app turns a configuration into a running server. It is the only
// place that knows registry, policy and index at once, and joins them:
//
//	listener ─┬─ /v2/ ── who asks ── registry ── Sink ──▶ ingester ──▶ catalog.Live
//	          │             ▲            └── gate ──▶ accounts ──▶ store
//	          ├─ /auth/ ────┘                              ▲
//	          └─ else ── who asks ── index/api ─ account ───┘ ◀── reads ── catalog.Live
package app

// Package publisher says of publishers what their ledgers say, and appends to
// them: keys, verification, and every change of a namespace.
//
//	index/auth ── Changes.Changed, in the transaction of the change ──▶ jobs
//	                                                                     │ Appending
//	Service ── may he? ── audit ── Statements.State ──▶ index/ledger ◀───┘
//	   ▲                                                    │
//	   └──────────── what counts ── ingest ◀── registry ◀───┘
//
// SQL says who may do what here and now; the ledger says it to everybody, and
// goes with the bytes. What is in SQL and not in its ledger yet is a job, so a
// crash between the two loses nothing.
package publisher

// Package store keeps in SQL what belongs to one site: credentials, accounts,
// namespaces and their members, the audit log, usage counters and jobs.
// It is the only room that speaks SQL.
//
// One code serves both databases: SQLite in a file of the data directory, and
// PostgreSQL when several replicas run. Every method joins the transaction of
// its context (InTx), so that a change, its audit row and the job that it asks
// for become true together or not at all. What a method acknowledged
// survives the end of the process and of the machine: SQLite runs with a
// write-ahead log and synchronous=FULL.
//
// Times are kept in microseconds, UTC; the zero time means never.
//
// Methods return artifact.ErrNotFound and artifact.ErrConflict; any other
// error means that the store could not tell.
package store
